# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints from elsewhere as a user brings them in: a very large one, one that moves or changes, one that is written again."""
import ctypes
import hashlib
import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

from command import BIN, Folder, cli, error, run_all

sys.path.insert(0, str(Path(__file__).parent.parent / "reference"))
import deepseek_v3_shapes as deepseek  # noqa: E402

QWEN = {"model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 11, "num_experts": 3, "num_experts_per_tok": 2, "moe_intermediate_size": 4,
        "intermediate_size": 4, "norm_topk_prob": True, "max_position_embeddings": 64}


def qwen_tensors():
    yield "model.embed_tokens.weight", [11, 16]
    for layer in range(2):
        at = f"model.layers.{layer}."
        for name, shape in (("input_layernorm", [16]), ("post_attention_layernorm", [16]), ("self_attn.q_proj", [16, 16]), ("self_attn.k_proj", [8, 16]),
                            ("self_attn.v_proj", [8, 16]), ("self_attn.o_proj", [16, 16]), ("self_attn.q_norm", [8]), ("self_attn.k_norm", [8]), ("mlp.gate", [3, 16])):
            yield f"{at}{name}.weight", shape
        for expert in range(3):
            for name, shape in (("gate_proj", [4, 16]), ("up_proj", [4, 16]), ("down_proj", [16, 4])):
                yield f"{at}mlp.experts.{expert}.{name}.weight", shape
    yield "model.norm.weight", [16]
    yield "lm_head.weight", [11, 16]


def numbers(name, count):
    """Values that differ from tensor to tensor, as bytes of BF16."""
    seed = hashlib.sha256(name.encode()).digest()
    return b"".join(struct.pack("<H", 0x3C00 + seed[at % 32] + 7 * (at % 13)) for at in range(count))


def write(path, names_and_shapes, metadata):
    header, data = {"__metadata__": metadata} if metadata is not None else {}, b""
    for name, shape in names_and_shapes:
        count = 1
        for extent in shape:
            count *= extent
        values = numbers(name, count)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def small(folder, metadata={"format": "pt"}, index=True, total=None):
    """A tiny Qwen3-MoE in two files."""
    folder.mkdir()
    tensors = list(qwen_tensors())
    parts = {"model-00001-of-00002.safetensors": tensors[:20], "model-00002-of-00002.safetensors": tensors[20:]}
    for name, part in parts.items():
        write(folder / name, part, metadata)
    (folder / "config.json").write_text(json.dumps(QWEN))
    if index:
        (folder / "model.safetensors.index.json").write_text(json.dumps(
            {"metadata": {"total_size": total}, "weight_map": {name: file for file, part in parts.items() for name, _ in part}}))
    return folder


def tensors_of(folder):
    """Every tensor's type, shape and bytes, read without Moescope."""
    found = {}
    for path in folder.glob("*.safetensors"):
        content = path.read_bytes()
        length = struct.unpack("<Q", content[:8])[0]
        for name, entry in json.loads(content[8:8 + length]).items():
            if name != "__metadata__":
                first, last = entry["data_offsets"]
                found[name] = (entry["dtype"], entry["shape"], content[8 + length + first:8 + length + last])
    return found


def largest_child():
    """The largest resident size, in KiB, of what ran so far; workers that outlive their command are waited for too."""
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def test_a_checkpoint_of_688_gigabytes():
    with Folder() as folder:
        study, model = folder / "S", folder / "deepseek"
        made = deepseek.write(model)
        cli("study", "init", study)
        limit = lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        start = time.monotonic()
        for words in (("model.import", "--set", f"path={model}", "--name", "v3"), ("model.inspect", "--in", "model=v3", "--name", "parts")):
            done = subprocess.run([str(BIN / "moescope-cli"), "run", *words, "--study", str(study)], capture_output=True, text=True,
                                  preexec_fn=None if "asan" in str(BIN) else limit)
            assert done.returncode == 0, done.stderr
        seconds = time.monotonic() - start
        assert seconds < 20, seconds  # about one, on a machine that does nothing else
        assert largest_child() < 300e3 or "asan" in str(BIN), largest_child()
        value = lambda name: json.loads(cli("export", "--study", study, f"parts:{name}", "--format", "json", "--out", "-"))["values"]
        assert value("total") == 671026419200 and value("active") == 37552297472  # 671 and 37 billion, as its report says
        assert sum(value("bytes")) == made["bytes"]
        rows = cli("export", "--study", study, "parts:tensors", "--format", "csv", "--out", "-").splitlines()
        assert len(rows) == 1 + made["tensors"] == 91992
        assert "model.layers.3.mlp.experts.255.up_proj.weight,expert,3,255,2048 x 7168,F8_E4M3,14680064,14680064," in "\n".join(rows)
        router = json.loads(cli("export", "--study", study, "parts:facts", "--format", "json", "--out", "-"))
        assert "best 4 of 8 groups" in json.dumps(router)


def test_what_was_brought_in_is_written_again():
    with Folder() as folder:
        study = folder / "S"
        cli("study", "init", study)
        for name, options in (("plain", {}), ("bare", {"metadata": None}), ("unlisted", {"index": False}), ("lying", {"total": 5})):
            model = small(folder / name, **options)
            for other in ("tokenizer_config.json", "generation_config.json"):
                (model / other).write_text("{}")
            (model / "modeling_it.py").write_text("raise SystemExit\n")
            (model / "chat_template.jinja").write_text("{{ messages }}")
            (model / "pytorch_model.bin").write_bytes(b"PK\3\4")
            cli("run", "model.import", "--study", study, "--set", f"path={model}", "--name", name)
            out = folder / f"{name}-again"
            cli("export", "--study", study, name, "--format", "hf", "--out", out)
            assert tensors_of(out) == tensors_of(model) and len(tensors_of(out)) == len(list(qwen_tensors()))
            assert sorted(os.listdir(out)) == sorted({*os.listdir(model), "model.safetensors.index.json"} - {"pytorch_model.bin"})
            for other in ("config.json", "modeling_it.py", "chat_template.jinja"):
                assert (out / other).read_bytes() == (model / other).read_bytes()
            listed = json.loads((out / "model.safetensors.index.json").read_text())
            assert set(listed["weight_map"]) == set(tensors_of(out))
            for path in out.glob("*.safetensors"):
                content = path.read_bytes()
                header = json.loads(content[8:8 + struct.unpack("<Q", content[:8])[0]])
                assert header["__metadata__"] == {"format": "pt"}, header["__metadata__"]
            assert not [path for path in folder.iterdir() if path.name.endswith(".part")]
        assert "is there already" in error("export", "--study", study, "plain", "--format", "hf", "--out", folder / "plain-again", code=2)["message"]
        cli("run", "model.import", "--study", study, "--set", f"path={folder / 'bare-again'}", "--name", "again")


def test_a_full_disk_leaves_no_half_of_a_model():
    with Folder() as folder:
        study, out = folder / "S", folder / "out"
        model = folder / "model"
        small(model)
        (model / "long.txt").write_bytes(b"x" * (1 << 22))
        cli("study", "init", study)
        cli("run", "model.import", "--study", study, "--set", f"path={model}", "--name", "m")
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        done = subprocess.run([str(BIN / "moescope-cli"), "export", "--study", str(study), "m", "--format", "hf", "--out", str(out), "--json"],
                              capture_output=True, text=True, preexec_fn=limit)
        assert done.returncode == 4 and json.loads(done.stdout)["error"]["kind"] == "environment", (done.returncode, done.stdout)
        assert sorted(path.name for path in folder.iterdir()) == ["S", "model"]


def test_a_model_that_moves_or_changes():
    with Folder() as folder:
        study, model = folder / "S", folder / "model"
        small(model)
        cli("study", "init", study)
        first = cli("run", "model.import", "--study", study, "--set", f"path={model}", "--name", "m", "--json")["outputs"]["model"]
        inspect = ("run", "model.inspect", "--study", study, "--in", "model=m", "--name", "parts", "--json")
        before = cli(*inspect)["outputs"]["result"]
        shutil.move(model, folder / "elsewhere")
        assert "import it again" in error(*inspect, code=3)["message"]
        moved = cli("run", "model.import", "--study", study, "--set", f"path={folder / 'elsewhere'}", "--json")["outputs"]["model"]
        assert moved["id"] == first["id"]
        after = cli(*inspect)["outputs"]["result"]
        assert after["id"] == before["id"] and after["cached"]
        path = folder / "elsewhere/model-00001-of-00002.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
        assert not cli(*inspect)["outputs"]["result"]["cached"]
        health = cli("export", "--study", study, "parts:health", "--format", "csv", "--out", "-")
        assert "have changed since it was imported" in health, health


def test_numbers_of_a_tensor():
    with Folder() as folder:
        study, model = folder / "S", folder / "model"
        small(model)
        cli("study", "init", study)
        cli("run", "model.import", "--study", study, "--set", f"path={model}", "--name", "m")
        name = "model.layers.1.mlp.experts.2.down_proj.weight"
        cli("run", "tensor.inspect", "--study", study, "--in", "model=m", "--set", f"tensor={name}", "--set", "bins=10", "--name", "t")
        value = lambda what: json.loads(cli("export", "--study", study, f"t:{what}", "--format", "json", "--out", "-"))["values"]
        codes = struct.unpack("<64H", numbers(name, 64))
        floats = [struct.unpack("<f", struct.pack("<I", code << 16))[0] for code in codes]
        assert value("low") == min(floats) and value("high") == max(floats)
        assert abs(value("mean") - sum(floats) / 64) < 1e-12
        width = (max(floats) - min(floats)) / 10
        bins = [0] * 10
        for number in floats:
            bins[min(9, int((number - min(floats)) / width))] += 1
        assert sum(value("histogram")) == 64
        assert sum(abs(a - b) for a, b in zip(value("histogram"), bins)) <= 4, (value("histogram"), bins)  # at the edges of bins
        assert "has no tensor" in error("run", "tensor.inspect", "--study", study, "--in", "model=m", "--set", "tensor=x", code=2)["message"]


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    run_all(globals())
