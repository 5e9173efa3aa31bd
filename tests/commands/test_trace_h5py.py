# SPDX-License-Identifier: GPL-3.0-or-later
"""Traces as notebooks read them (contract section 4), counted again with numpy, and the analyses' values through export."""
import h5py
import numpy

from command import Folder, cli, counting_bin, error, passed, run_all, texts
from reference import made_trace

RULE = dict(layers=2, experts=8, top_k=2, domains=3, documents=12, tokens_per_document=50, preference=80)
TOKENS = RULE["documents"] * RULE["tokens_per_document"]


def made(folder, **more):
    """A study with a trace "t" made by the rule; gives the study, the programs and the trace's folder."""
    study, bin = folder / "S", counting_bin(folder)
    cli("study", "init", study, bin=bin)
    words = [f"{name}={str(value).lower()}" for name, value in {**RULE, **more}.items()]
    out = cli("run", "test.trace", "--study", study, *(word for set in words for word in ("--set", set)), "--name", "t", "--json", bin=bin)
    return study, bin, study / "traces" / out["outputs"]["trace"]["id"]


def value(study, bin, name):
    """RESULT:VALUE as export prints it."""
    out = study.parent / "value.json"
    cli("export", "--study", study, name, "--format", "json", "--out", out, bin=bin)
    import json
    return json.loads(out.read_text())


def test_every_name_type_and_extent_is_the_contracts():
    with Folder() as folder:
        _, _, place = made(folder, loss=True, logits=True)
        with h5py.File(place / "0000.h5") as f:
            assert f.attrs["moescope_trace"] == 1 and f.attrs["complete"] == 1 and f.attrs["first_token"] == 0
            assert f.attrs["num_layers"] == 2 and f.attrs["length"] == 64
            for name in ("model_digest", "tokenizer_digest", "corpus", "family", "phase"):
                assert name in f.attrs
            types = dict(id="int32", next="int32", domain="uint16", document="uint32", position="uint32", loss="float32")
            types["class"] = "uint8"
            for name, type in types.items():
                assert f["tokens"][name].dtype == type and f["tokens"][name].shape == (TOKENS,), name
            assert set(f["tokens"]) == set(types) and set(f["layers"]) == {"00", "01"}
            for layer in range(2):
                group = f[f"layers/{layer:02}"]
                assert group["expert"].dtype == "uint8" and group["expert"].shape == (TOKENS, 2)
                assert group["weight"].dtype == "float32" and group["weight"].shape == (TOKENS, 2)
                assert group["logit"].dtype == "float16" and group["logit"].shape == (TOKENS, 8)
                assert (group["expert"][:] == made_trace.experts(RULE, layer)).all()
                attributes = dict(group.attrs)
                assert attributes["block"] == layer + 1 and attributes["num_experts"] == 8 and attributes["top_k"] == 2
                assert {"num_shared", "score", "renormalised", "scale"} <= set(attributes)
            assert list(f["domains"].asstr()) == ["domain 0", "domain 1", "domain 2"]
            assert f["documents"].asstr()[11] == "document 11"
            ids, offset, bytes = f["vocabulary/id"][:], f["vocabulary/offset"][:], f["vocabulary/bytes"][:].tobytes()
            assert len(offset) == len(ids) + 1 and set(f["tokens/id"][:]) <= set(ids)
            assert bytes[offset[3]:offset[4]].decode() == f"w{ids[3]} "


def test_more_than_255_experts_take_two_bytes():
    with Folder() as folder:
        _, _, place = made(folder, experts=300, documents=3)
        with h5py.File(place / "0000.h5") as f:
            assert f["layers/00/expert"].dtype == "uint16" and f["layers/00/expert"][:].max() > 255


def test_counters_are_what_numpy_counts():
    with Folder() as folder:
        _, _, place = made(folder, logits=True)
        domain = numpy.repeat(made_trace.domains(RULE), 50)
        document = numpy.repeat(numpy.arange(12), 50)
        ids = [made_trace.experts(RULE, layer) for layer in range(2)]
        held = [numpy.stack([(i == e).any(1) for e in range(8)], 1).astype(int) for i in ids]
        with h5py.File(place / "counters.h5") as f:
            for layer in range(2):
                group = f[f"layers/{layer:02}"]
                assert (group["count"][:] == held[layer].sum(0)).all()
                assert (group["domain"][:] == [held[layer][domain == d].sum(0) for d in range(3)]).all()
                assert group["document"].dtype == "uint32"
                assert (group["document"][:] == [held[layer][document == d].sum(0) for d in range(12)]).all()
                assert (group["rank"][:] == [numpy.bincount(ids[layer][:, r], minlength=8) for r in range(2)]).all()
                assert (group["coactivation"][:] == held[layer].T @ held[layer]).all()
                weight = sum(numpy.bincount(ids[layer][:, r], minlength=8) * round(numpy.float32(1 / (r + 2)) * 2**24) for r in range(2))
                assert (group["weight"][:] == weight).all()
                assert group["nonfinite"][:].sum() == 0
                for histogram in ("entropy", "margin", "gap"):
                    assert group[histogram][:].sum() == TOKENS, histogram
            assert (f["layers/00/transition"][:] == held[0].T @ held[1]).all() and "transition" not in f["layers/01"]
            assert (f["tokens/domain"][:] == 200).all() and (f["tokens/document"][:] == 50).all()


def test_analyses_through_the_command_line():
    with Folder() as folder:
        study, bin, _ = made(folder)
        run = lambda operation, name, *more: cli("run", operation, "--study", study, "--in", "trace=t", "--name", name, "--json", *more, bin=bin)
        run("load.balance", "lb", "--set", "draws=200")
        counts = numpy.stack([made_trace.counts_by_document(RULE, layer) for layer in range(2)])
        count = value(study, bin, "lb:count")
        assert count["values"] == counts.sum(1).tolist()
        assert [axis["name"] for axis in count["axes"]] == ["layer", "expert"] and count["axes"][0]["labels"] == ["0 (block 1)", "1 (block 2)"]
        cv = value(study, bin, "lb:cv")
        total = counts.sum(1)
        assert numpy.allclose(cv["values"], total.std(1) / total.mean(1)) and numpy.allclose(cv["baseline"], (6 / (TOKENS * 2)) ** 0.5)
        assert all(low < high for low, high in zip(cv["low"], cv["high"]))
        assert run("load.balance", "lb", "--set", "draws=200")["outputs"]["result"]["cached"] is True
        assert run("load.balance", "lb", "--set", "draws=200", "--fresh")["reproduced"] is True

        run("specialise.domain", "sd", "--set", "draws=200")
        table = numpy.stack([[counts[layer][made_trace.domains(RULE) == d].sum(0) for d in range(3)] for layer in range(2)])
        share = table / table.sum(2, keepdims=True)
        assert numpy.allclose(value(study, bin, "sd:share")["values"], share)
        assert numpy.allclose(value(study, bin, "sd:lift")["values"], share / (total / total.sum(1, keepdims=True))[:, None])
        assert value(study, bin, "sd:information")["unit"] == "nats"
        run("load.frequency", "lf")
        assert numpy.allclose(numpy.sum(value(study, bin, "lf:frequency")["values"], axis=1), 1)
        run("tokens.text", "words", "--set", "document=document 3", "--set", "count=5")

        run("load.balance", "one", "--set", 'domains=["domain 1"]', "--set", "draws=0")
        assert value(study, bin, "one:count")["values"] == table[:, 1].tolist()


def test_bad_requests_and_damaged_traces_are_named():
    with Folder() as folder:
        study, bin, place = made(folder)
        run = ["run", "load.balance", "--study", study, "--in"]
        wrong = error(*run, "trace=t", "--set", 'domains=["domian 1"]', code=2, bin=bin)
        assert "domain 1" in wrong["message"], wrong
        error(*run, "trace=t", "--set", "draws=-1", code=2, bin=bin)
        cli("run", "corpus.synthetic", "--study", study, "--set", "tokens=2000", "--name", "c", bin=bin)
        error(*run, "trace=c", code=2, bin=bin)
        segment = place / "0000.h5"
        segment.chmod(0o644)
        segment.write_bytes(segment.read_bytes()[:3000])
        damaged = error(*run, "trace=t", code=3, bin=bin)
        assert "0000.h5" in damaged["message"] and damaged["file"].endswith("0000.h5"), damaged


if __name__ == "__main__":
    run_all(globals())
