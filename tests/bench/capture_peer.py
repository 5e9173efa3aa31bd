# SPDX-License-Identifier: GPL-3.0-or-later
"""The other side of capture_bench: capture_peer.py FOLDER THREADS loads FOLDER/model with transformers and answers each
line of standard input (eager, grouped_mm, body, agreement) with the seconds of one forward over the same ids: by the
wall, and of processors."""
import os
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["OMP_NUM_THREADS"] = sys.argv[2]
import numpy
import torch
import transformers

torch.set_num_threads(int(sys.argv[2]))
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
folder, tokens = sys.argv[1], 2048
state, ids = 1, []
for _ in range(tokens):
    state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
    ids.append(state >> 51)
ids = torch.tensor([ids])
models = {}
for kind in ("eager", "grouped_mm"):
    model = transformers.AutoModelForCausalLM.from_pretrained(f"{folder}/model", dtype=torch.float32, attn_implementation="sdpa",
                                                              experts_implementation=kind).eval()
    models[kind] = model


@torch.inference_mode()
def run(what):
    if what == "agreement":
        layers, experts = models["eager"].config.num_hidden_layers, numpy.fromfile(f"{folder}/experts.i32", dtype="<i4")
        logits = models["eager"](ids, output_router_logits=True, use_cache=False).router_logits
        choices = models["eager"].config.num_experts_per_tok
        ours = torch.tensor(experts.reshape(layers, tokens, choices))
        theirs = torch.stack([layer.topk(choices, dim=-1).indices for layer in logits])
        same = (ours.unsqueeze(-1) == theirs.unsqueeze(-2)).any(-1).float().mean()
        return float(same), 0
    start, processor = time.perf_counter(), time.process_time()
    if what == "body":
        models[run.faster].model(ids, output_router_logits=True, use_cache=False)
    else:
        models[what](ids, output_router_logits=True, use_cache=False)
    seconds = time.perf_counter() - start
    run.seen[what] = min(seconds, run.seen.get(what, seconds))
    run.faster = min((kind for kind in models if kind in run.seen), key=run.seen.get, default="eager")
    return seconds, time.process_time() - processor


run.seen, run.faster = {}, "eager"
for line in sys.stdin:
    print(*run(line.strip()), flush=True)
