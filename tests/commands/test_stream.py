# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkpoint far larger than the memory it may use: captured layer by layer, with what was read counted, and resumed
after a kill to the same trace."""
import json
import os
import pathlib
import resource
import signal
import struct
import subprocess
import time

import h5py
import numpy

from command import BIN, TORCH, Folder, cli, run_all

CONFIG = {"architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "vocab_size": 8192, "hidden_size": 1024,
          "num_hidden_layers": 7, "num_attention_heads": 16, "num_key_value_heads": 4, "head_dim": 64, "hidden_act": "silu",
          "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": False,
          "num_experts": 64, "num_experts_per_tok": 8, "moe_intermediate_size": 512, "intermediate_size": 2048,
          "norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": [], "attention_bias": False}
TOKENS = 2048
BUDGET = 300_000_000
PIECE = 1 << 22  # numbers written at a time
LARGE = {"vocab_size": 151936, "hidden_size": 2048, "num_hidden_layers": 11, "num_attention_heads": 32, "head_dim": 128,
         "num_experts": 128, "moe_intermediate_size": 768, "intermediate_size": 6144}  # Qwen3-30B-A3B with 11 of its 48 layers


def bf16(values):
    return (values.astype("<f4").view("<u4") >> 16).astype("<u2")


def tensors():
    """Name and shape of every tensor, layer by layer."""
    hidden, width, head = CONFIG["hidden_size"], CONFIG["moe_intermediate_size"], CONFIG["head_dim"]
    heads, key_heads = CONFIG["num_attention_heads"], CONFIG["num_key_value_heads"]
    yield "model.embed_tokens.weight", (CONFIG["vocab_size"], hidden)
    for layer in range(CONFIG["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        yield at + "input_layernorm.weight", (hidden,)
        yield at + "post_attention_layernorm.weight", (hidden,)
        for name, rows in (("q", heads), ("k", key_heads), ("v", key_heads)):
            yield at + f"self_attn.{name}_proj.weight", (rows * head, hidden)
        yield at + "self_attn.o_proj.weight", (hidden, heads * head)
        yield at + "self_attn.q_norm.weight", (head,)
        yield at + "self_attn.k_norm.weight", (head,)
        yield at + "mlp.gate.weight", (CONFIG["num_experts"], hidden)
        for expert in range(CONFIG["num_experts"]):
            for name, shape in (("down", (hidden, width)), ("gate", (width, hidden)), ("up", (width, hidden))):
                yield at + f"mlp.experts.{expert}.{name}_proj.weight", shape
    yield "model.norm.weight", (hidden,)
    yield "lm_head.weight", (CONFIG["vocab_size"], hidden)


def write_checkpoint(folder):
    """Random weights in bf16, every matrix a different stretch of one long random sequence. Gives the file's bytes."""
    random = numpy.random.default_rng(1)
    pool = bf16(random.standard_normal(1 << 24, dtype="f4"))
    header, shapes, end = {}, list(tensors()), 0
    for name, shape in shapes:
        size = 2 * int(numpy.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [end, end + size]}
        end += size
    head = json.dumps(header).encode()
    folder.mkdir()
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head)
        for name, shape in shapes:
            count = int(numpy.prod(shape))
            if name.endswith("norm.weight"):
                file.write(bf16(numpy.ones(count)).tobytes())
                continue
            # A power of two is exact in bf16: N(0, 1) times about 1 / sqrt(fan-in).
            shift = 0 if name.startswith("model.embed") else int(numpy.log2(shape[-1]) / 2)
            for done in range(0, count, PIECE):
                piece = min(PIECE, count - done)
                start = int(random.integers(0, pool.size - piece))
                values = pool[start:start + piece] - numpy.uint16(shift << 7)
                file.write(numpy.where(pool[start:start + piece] & 0x7F80, values, 0).astype("<u2").tobytes())
        file.flush()
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    return end


def prepared(folder):
    study = folder / "S"
    cli("study", "init", study)
    write_checkpoint(folder / "large")
    random = numpy.random.default_rng(2)
    lines = [json.dumps({"domain": f"d{n % 2}", "ids": random.integers(0, CONFIG["vocab_size"], TOKENS // 4).tolist()}) for n in range(4)]
    (folder / "ids.jsonl").write_text("\n".join(lines) + "\n")
    cli("run", "corpus.import", "--study", study, "--set", f"ids={folder / 'ids.jsonl'}", "--set", "validation=0", "--name", "c")
    cli("run", "model.import", "--study", study, "--set", f"path={folder / 'large'}", "--name", "m")
    return study


def capture(*more):
    return ("run", "capture.routing", "--in", "model=m", "--in", "corpus=c", "--set", "length=512", "--set", "loss=false", *more)


def expected_bytes(study, trace):
    """What a capture without losses has to read: embedding rows, all layers' own weights, experts that got tokens."""
    hidden, width, experts = CONFIG["hidden_size"], CONFIG["moe_intermediate_size"], CONFIG["num_experts"]
    own = sum(2 * int(numpy.prod(shape)) for name, shape in tensors() if ".layers." in name and ".experts." not in name)
    used = 0
    segment = next((study / "traces" / trace).glob("0000.h5"))
    with h5py.File(segment) as file:
        for layer in range(CONFIG["num_hidden_layers"] - 1):  # the last layer's experts change no routing
            used += len(numpy.unique(file[f"layers/{layer:02}/expert"][:]))
        ids = numpy.unique(file["tokens/id"][:])
    return own + used * 3 * 2 * hidden * width, 2 * hidden * len(ids), used


def test_a_large_checkpoint_is_captured_in_little_memory():
    if not TORCH:
        return
    with Folder() as folder:
        study = prepared(folder)
        started = time.monotonic()
        done = cli(*capture("--study", study, "--memory", BUDGET, "--name", "t"), "--json", timeout=300)
        seconds = time.monotonic() - started
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        shown = cli("show", "--study", study, "t", "--json")
        read = shown["summary"]["bytes_read"]
        weights, embedding, used = expected_bytes(study, done["outputs"]["trace"]["id"])
        print(f"1.5 GB captured in {seconds:.1f} s, {peak / 1e6:.0f} MB resident at most, {read / 1e9:.2f} GB read")
        assert peak <= BUDGET + 300_000_000, peak
        assert weights + embedding <= read, (weights, embedding, read)

        # A few tokens need a few experts: those without any are not read.
        few = cli(*capture("--study", study, "--memory", BUDGET, "--set", "tokens=6", "--name", "few"), "--json")
        weights, embedding, used = expected_bytes(study, few["outputs"]["trace"]["id"])
        read = cli("show", "--study", study, "few", "--json")["summary"]["bytes_read"]
        assert used < 6 * 8 * 6, used
        assert weights + embedding <= read <= weights + 16 * embedding, (weights, embedding, read)

        # Killed in the middle, and again: the same trace as the one that ran through.
        words = [str(BIN / "moescope-cli"), *map(str, capture("--study", study, "--memory", 120_000_000, "--fresh", "--name", "again"))]
        for _ in range(2):
            with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True) as process:
                time.sleep(6)
                for worker in workers_of(process.pid):
                    os.kill(worker, signal.SIGKILL)
                process.stderr.read()
        again = cli(*capture("--study", study, "--memory", 120_000_000, "--fresh", "--name", "again"), "--json", timeout=300)
        assert again["outputs"]["trace"]["id"] == done["outputs"]["trace"]["id"]


def test_fourteen_gigabytes_are_captured_in_less_than_four():
    """MOESCOPE_LARGE=1 packaging/test -R stream"""
    if not TORCH or "MOESCOPE_LARGE" not in os.environ:
        return
    CONFIG.update(LARGE)
    with Folder() as folder:
        study = prepared(folder)
        size = (folder / "large/model.safetensors").stat().st_size
        assert size > 12e9, size
        started = time.monotonic()
        done = cli(*capture("--study", study, "--memory", 2_000_000_000, "--name", "t"), "--json", timeout=1500)
        seconds = time.monotonic() - started
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        read = cli("show", "--study", study, "t", "--json")["summary"]["bytes_read"]
        weights, embedding, used = expected_bytes(study, done["outputs"]["trace"]["id"])
        print(f"{size / 1e9:.1f} GB captured in {seconds:.0f} s, {peak / 1e9:.2f} GB resident at most, {read / 1e9:.2f} GB read")
        assert peak < 4e9, peak
        assert weights + embedding <= read, (weights, embedding, read)


def workers_of(parent):
    for status in pathlib.Path("/proc").glob("[0-9]*/status"):
        try:
            text = status.read_text()
        except OSError:
            continue
        if f"PPid:\t{parent}\n" in text and "moescope-worker" in text.split("\n")[0]:
            yield int(status.parent.name)


if __name__ == "__main__":
    run_all(globals())
