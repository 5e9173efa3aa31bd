# SPDX-License-Identifier: GPL-3.0-or-later
"""The other side of train_bench: train_peer.py THREADS LAYERS HIDDEN HEADS EXPERTS TOP_K WIDTH BATCH LENGTH answers each
line of standard input (eager, grouped_mm) with the seconds, by the wall and of processors, of one training step of a
Mixtral of these sizes: forward, cross-entropy, backward, clipping, fused AdamW. No balance loss, no metrics."""
import os
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
threads, layers, hidden, heads, experts, top_k, width, batch, length = map(int, sys.argv[1:])
os.environ["OMP_NUM_THREADS"] = str(threads)
import torch
import transformers

torch.set_num_threads(threads)
transformers.logging.set_verbosity_error()
torch.manual_seed(1)
models = {}
for kind in ("eager", "grouped_mm"):
    config = transformers.MixtralConfig(
        vocab_size=256, hidden_size=hidden, intermediate_size=width, num_hidden_layers=layers, num_attention_heads=heads,
        num_key_value_heads=heads, num_local_experts=experts, num_experts_per_tok=top_k, max_position_embeddings=length,
        attn_implementation="sdpa", experts_implementation=kind)
    model = transformers.MixtralForCausalLM(config).float().train()
    models[kind] = model, torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.95), weight_decay=0.1, fused=True)
ids = torch.randint(0, 256, (batch, length + 1))


def step(kind):
    model, optimizer = models[kind]
    start, processor = time.perf_counter(), time.process_time()
    optimizer.zero_grad(set_to_none=True)
    logits = model(ids[:, :-1], use_cache=False).logits
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    loss.item()
    return time.perf_counter() - start, time.process_time() - processor


for line in sys.stdin:
    print(*step(line.strip()), flush=True)
