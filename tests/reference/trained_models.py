# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains a small model under each name that models made here may have, routes a corpus with it, and says how far `transformers` is
from that on the folder that was saved: losses of tokens, experts, combine weights.

    trained_models.py MOESCOPE-CLI [FOLDER]

Run with torch 2.11 and transformers 5.23, h5py for /usr/bin/python3 (python3-h5py).
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import torch

from models_oracle import run

READ = """
import h5py, json, sys, glob
out = {"layers": [], "loss": [], "id": [], "document": []}
for path in sorted(glob.glob(sys.argv[1] + "/[0-9]*.h5")):
    with h5py.File(path) as f:
        for key in ("id", "document", "loss"):
            out[key] += f["tokens/" + key][:].astype(float).tolist()
        for n, layer in enumerate(sorted(f["layers"]) if "layers" in f else []):
            while len(out["layers"]) <= n: out["layers"].append({"expert": [], "weight": []})
            for key in ("expert", "weight"):
                out["layers"][n][key] += f["layers"][layer][key][:].astype(float).tolist()
json.dump(out, sys.stdout)
"""
small = {"layers": 2, "hidden": 32, "heads": 4, "kv_heads": 2, "experts": 6, "top_k": 2, "expert_width": 24, "steps": 30, "batch": 8,
         "length": 32, "seed": 3}
models = {
    "mixtral": {"router": "softmax"},
    "olmoe": {"router": "softmax_raw", "qk_norm": "full"},
    "qwen3_moe": {"router": "softmax", "qk_norm": "head"},
    "qwen2_moe": {"router": "softmax", "shared_experts": 1, "shared_gate": True},
    "dots1": {"router": "sigmoid_bias", "qk_norm": "head", "shared_experts": 1},
    "deepseek_v3": {"router": "sigmoid_bias", "shared_experts": 1, "kv_heads": 0, "attention": "latent", "latent.rank": 12,
                    "latent.query_rank": 10, "latent.rotary": 4},
    "llama": {"experts": 0},
}


def main(cli: str, folder: pathlib.Path) -> int:
    study = str(folder / "S")

    def call(*words: str) -> dict:
        done = subprocess.run([cli, *words], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout) if "--json" in words else {}

    call("study", "init", study)
    call("run", "corpus.synthetic", "--study", study, "--set", "domains=3", "--set", "tokens=20000", "--name", "c")
    worst = 0.0
    for family, settings in models.items():
        words = [word for key, value in {**small, **settings}.items() for word in ("--set", f"{key}={json.dumps(value).strip(chr(34))}")]
        call("run", "train.lm", "--study", study, "--in", "corpus=c", *words, "--name", family)
        made = call("run", "capture.routing", "--study", study, "--in", f"model={family}", "--in", "corpus=c", "--set", "loss=true",
                    "--set", "tokens=600", "--set", "length=32", "--name", f"{family}-trace", "--json")
        model = call("show", "--study", study, family, "--json")
        trace = json.loads(subprocess.run(["/usr/bin/python3", "-c", READ, f"{study}/traces/{made['outputs']['trace']['id']}"],
                                          capture_output=True, text=True, check=True).stdout)
        path = pathlib.Path(study) / "models" / model["id"]
        kind = json.loads((path / "config.json").read_text())["model_type"]
        loss, weight, others, tokens = compare(path, trace)
        print(f"{family} is written as {kind}: over {tokens} tokens the largest difference of a loss is {loss:.2g}, of a weight "
              f"{weight:.2g}; {others} choices differ")
        worst = max(worst, loss, 10 * weight, others, kind != family)
    return worst > 1e-4


def compare(path: pathlib.Path, trace: dict) -> tuple:
    """Window by window, as the trace was captured."""
    ids, documents = np.array(trace["id"], dtype=np.int64), np.array(trace["document"])
    starts = [0, *(np.flatnonzero(np.diff(documents)) + 1), len(ids)]
    loss = weight = 0.0
    others = 0
    for first, last in zip(starts, starts[1:], strict=False):
        for at in range(first, last, 32):
            window = slice(at, min(at + 32, last))
            found = run(path, torch.tensor(ids[window])[None])
            wanted = np.array(trace["loss"])[window][:-1]
            if len(wanted):
                loss = max(loss, float(np.abs(found["losses"].flatten().numpy() - wanted).max()))
            for (index, given), layer in zip(found["routed"], trace["layers"], strict=True):
                others += int((index.numpy() != np.array(layer["expert"])[window]).sum())
                weight = max(weight, float(np.abs(given.numpy() - np.array(layer["weight"])[window]).max()))
    return loss, weight, others, len(ids)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        sys.exit(main(sys.argv[1], pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else name)))
