# SPDX-License-Identifier: GPL-3.0-or-later
"""A released checkpoint from its files to its routing: import, inspect, capture. Weights come from a counter, and what
`transformers` computes with them is in tests/reference (models_oracle.py)."""
import json
import pathlib
import struct

import h5py
import numpy

from command import TORCH, Folder, cli, error, run_all

REFERENCE = pathlib.Path(__file__).resolve().parent.parent / "reference"
FAMILIES = sorted(path.stem.removeprefix("tiny_") for path in REFERENCE.glob("tiny_*.json"))
MASK = (1 << 64) - 1


def mixed(z):  # splitmix64, as in models_oracle.py
    z = (z + 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def weights(name, shape):
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & MASK
    value = numpy.array([(mixed((seed + i) & MASK) >> 40) / 2.0**23 - 1 for i in range(int(numpy.prod(shape)))])
    if name.endswith("norm.weight") or (name.endswith(".weight") and len(shape) == 1):
        value = 1 + 0.25 * value
    elif name.endswith("bias"):
        value = 0.25 * value
    elif "embed_tokens" not in name:
        value = value * (2 / numpy.sqrt(shape[-1]))
    return value.astype("<f4").tobytes()


def checkpoint(folder, family):
    """The tiny model of a family as a folder of files; gives what is expected of it."""
    expected = json.loads((REFERENCE / f"tiny_{family}.json").read_text())
    folder.mkdir(parents=True)
    header, data = {}, b""
    for name, shape in expected["tensors"].items():
        value = weights(name, shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [len(data), len(data) + len(value)]}
        data += value
    head = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)
    (folder / "config.json").write_text(json.dumps(expected["config"]))
    return expected


def test_every_family_is_imported_and_its_parameters_are_counted():
    with Folder() as folder:
        study = folder / "S"
        cli("study", "init", study)
        for family in FAMILIES:
            expected = checkpoint(folder / family, family)
            cli("run", "model.import", "--study", study, "--set", f"path={folder / family}", "--name", family)
            cli("run", "model.inspect", "--study", study, "--in", f"model={family}", "--name", f"{family}-parts")
            cli("export", "--study", study, f"{family}-parts:total", "--format", "json", "--out", folder / "total.json")
            total = json.loads((folder / "total.json").read_text())
            assert total["values"] == sum(int(numpy.prod(shape)) for shape in expected["tensors"].values()), (family, total)
        assert cli("study", "check", study, "--json")["sound"] is True
        assert {row["kind"] for row in cli("list", "--study", study, "--json")} == {"model", "result"}


def test_a_changed_or_damaged_checkpoint_is_noticed():
    with Folder() as folder:
        study, model = folder / "S", folder / "m"
        cli("study", "init", study)
        checkpoint(model, "mixtral")
        importing = ("run", "model.import", "--study", study, "--set", f"path={model}")
        first = cli(*importing, "--json")["outputs"]["model"]
        assert cli(*importing, "--json")["outputs"]["model"] == {**first, "cached": True}
        shard = model / "model.safetensors"
        sound = shard.read_bytes()
        shard.write_bytes(sound[:-4] + b"\0\0\0\0")
        assert cli(*importing, "--json")["outputs"]["model"]["id"] != first["id"]
        for damage in (sound[:-1], sound[:100], b"", b"\xff" * 64, struct.pack("<Q", 1 << 60) + sound[8:]):
            shard.write_bytes(damage)
            assert "model.safetensors" in error(*importing, code=3)["message"]
        shard.write_bytes(sound)
        config = json.loads((model / "config.json").read_text())
        for key, value in {"num_hidden_layers": 3, "num_local_experts": 60000, "vocab_size": 1 << 24,
                           "num_experts_per_tok": 5, "hidden_size": -16}.items():
            (model / "config.json").write_text(json.dumps({**config, key: value}))
            error(*importing, code=3)
        # What looks like experts is taken up whatever its name, to be looked at.
        (model / "config.json").write_text(json.dumps({**config, "model_type": "mamba"}))
        cli(*importing, "--name", "unknown")
        cli("run", "model.inspect", "--study", study, "--in", "model=unknown")
        if TORCH:
            (folder / "ids.jsonl").write_text('{"domain": "d", "ids": [1, 2, 3]}\n')
            cli("run", "corpus.import", "--study", study, "--set", f"ids={folder / 'ids.jsonl'}", "--set", "validation=0", "--name", "c")
            for family, why in {"mamba": "does not know", "jamba": "state-space"}.items():
                (model / "config.json").write_text(json.dumps({**config, "model_type": family}))
                cli(*importing, "--name", family)
                said = error("run", "capture.routing", "--study", study, "--in", f"model={family}", "--in", "corpus=c", code=3)["message"]
                assert f'Routing is not available for models of type "{family}"' in said and why in said, said
        (model / "config.json").write_text("{")
        error(*importing, code=3)
        (model / "config.json").write_text(json.dumps({**config, "model_type": "tomorrow"}))  # looks like experts: taken up to be looked at
        cli(*importing, "--name", "later")
        assert "routing" in cli("show", "--study", study, "later", "--json")["summary"]["not_run"].lower()
        error("run", "model.import", "--study", study, code=2)
        error("run", "model.import", "--study", study, "--set", f"path={folder / 'nothing'}", code=3)


def test_every_family_is_captured_and_analysed_and_routes_as_transformers_does():
    if not TORCH:
        return
    with Folder() as folder:
        study = folder / "S"
        cli("study", "init", study)
        ids = json.loads((REFERENCE / "tiny_mixtral.json").read_text())["ids"]  # the same for all
        lines = [json.dumps({"domain": domain, "ids": row}) for domain, row in zip("ab", ids, strict=True)]
        (folder / "ids.jsonl").write_text("\n".join(lines) + "\n")
        cli("run", "corpus.import", "--study", study, "--set", f"ids={folder / 'ids.jsonl'}", "--set", "validation=0", "--name", "c")
        for family in FAMILIES:
            expected = checkpoint(folder / family, family)
            assert expected["ids"] == ids
            cli("run", "model.import", "--study", study, "--set", f"path={folder / family}", "--name", family)
            if expected["config"].get("max_position_embeddings", 64) < 12:
                continue  # the window would be shorter than what was computed with transformers
            made = cli("run", "capture.routing", "--study", study, "--in", f"model={family}", "--in", "corpus=c", "--set", "length=12",
                       "--set", "loss=true", "--set", "logits=true", "--name", f"{family}-trace", "--json")["outputs"]["trace"]
            with h5py.File(study / "traces" / made["id"] / "0000.h5") as trace:
                assert trace["tokens/id"][:].reshape(2, 12).tolist() == ids
                loss = trace["tokens/loss"][:].reshape(2, 12)[:, :-1].flatten()
                assert numpy.abs(loss - numpy.array(expected["losses"])).max() < 1e-4, family
                for number, layer in enumerate(expected["layers"]):
                    assert trace[f"layers/{number:02}/expert"][:].flatten().tolist() == layer["expert"], (family, number)
                    weight = trace[f"layers/{number:02}/weight"]
                    near = 1e-5 if weight.dtype == numpy.float32 else 2e-3
                    assert numpy.abs(weight[:].astype("f8").flatten() - numpy.array(layer["weight"])).max() < near, (family, number)
            for operation in ("load.balance", "specialise.domain", "tokens.text") if expected["layers"] else ():
                cli("run", operation, "--study", study, "--in", f"trace={family}-trace")


if __name__ == "__main__":
    run_all(globals())
