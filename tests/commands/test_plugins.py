# SPDX-License-Identifier: GPL-3.0-or-later
"""Plugins (contract section 7): both examples against values computed here, and every way in which a plugin can go wrong."""
import hashlib
import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy

from command import BIN, Folder, Serve, cli, error, run_all

sys.path.insert(0, str(Path(__file__).parent.parent / "reference"))
import made_trace  # noqa: E402

SOURCE = Path(__file__).parent.parent.parent
EXAMPLES = SOURCE / "plugins" / "examples"
RULE = {"experts": 8, "top_k": 2, "layers": 2, "documents": 12, "tokens_per_document": 50, "domains": 3, "preference": 160}


def write_trace(folder):
    """A trace of contract section 4 in two segments, as anybody may write one."""
    tokens = RULE["documents"] * RULE["tokens_per_document"]
    document = numpy.repeat(numpy.arange(RULE["documents"]), RULE["tokens_per_document"])
    folder.mkdir(parents=True)
    for number, rows in enumerate((slice(0, 170), slice(170, tokens))):
        with h5py.File(folder / f"{number:04}.h5", "w") as file:
            file.attrs.update({"moescope_trace": 1, "model_digest": "a" * 64, "tokenizer_digest": "b" * 64, "corpus": "made", "family": "made",
                               "num_layers": RULE["layers"], "length": 50, "first_token": rows.start, "phase": "prefill", "complete": 1})
            columns = {"id": numpy.arange(tokens, dtype="<i4"), "next": numpy.arange(tokens, dtype="<i4"),
                       "domain": (document % RULE["domains"]).astype("<u2"), "document": document.astype("<u4"),
                       "position": (numpy.arange(tokens) % RULE["tokens_per_document"]).astype("<u4"), "class": numpy.zeros(tokens, "u1")}
            for name, column in columns.items():
                file.create_dataset(f"tokens/{name}", data=column[rows])
            for layer in range(RULE["layers"]):
                group = file.create_group(f"layers/{layer:02}")
                group.attrs.update({"block": layer + 1, "num_experts": RULE["experts"], "top_k": RULE["top_k"], "num_shared": 0,
                                    "score": "softmax", "renormalised": 1, "scale": 1.0})
                group["expert"] = made_trace.experts(RULE, layer)[rows].astype("u1")
                group["weight"] = numpy.full((rows.stop - rows.start, RULE["top_k"]), 0.5, "<f4")
            text = h5py.string_dtype("utf-8")
            file.create_dataset("domains", data=[f"domain {d}" for d in range(RULE["domains"])], dtype=text)
            file.create_dataset("documents", data=[f"document {d}" for d in range(RULE["documents"])], dtype=text)


def study_with_trace(folder, env):
    """A study that holds the trace under the name t: its files at their place, and its row."""
    study = folder / "S"
    cli("study", "init", study, env=env)
    write_trace(folder / "trace")
    lines = "".join(f"{file.name} {hashlib.sha256(file.read_bytes()).hexdigest()}\n" for file in sorted((folder / "trace").iterdir()))
    id = hashlib.sha256(lines.encode()).hexdigest()
    (study / "traces").mkdir()
    shutil.move(folder / "trace", study / "traces" / id)
    with sqlite3.connect(study / "study.sqlite") as catalogue:
        catalogue.execute("INSERT INTO artifact (id, kind, created, summary, bytes, revision) VALUES (?, 'trace', '2026-01-01T00:00:00Z', '{}', 1, 1)", [id])
        catalogue.execute("INSERT INTO name VALUES ('t', ?, 1)", [id])
    catalogue.close()
    assert cli("study", "check", study, "--json", env=env) == {"sound": True, "damage": []}
    return study


class Workplace(Folder):
    """A study with a trace, and plugins that only the tests of this folder see."""

    def __enter__(self):
        path = super().__enter__()
        # The Python that has h5py comes first, whatever else the machine has.
        self.env = {"XDG_DATA_HOME": str(path / "data"), "MOESCOPE_PLUGIN_PATH": str(path / "plugins"),
                    "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        self.plugins = path / "plugins"
        self.study = study_with_trace(path, self.env)
        return self

    def plugin(self, name, script, limits=None, **more):
        """A Python plugin test.NAME that is this script; `p` is the SDK, `r` the request."""
        folder = more.pop("folder", self.plugins) / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run.py").write_text(script)
        description = {"id": f"test.{name}", "version": 1, "title": "A test", "help": "A test.", "in": [{"name": "trace", "kind": "trace"}],
                       "out": [{"name": "result", "kind": "result"}], "command": ["python3", "run.py"], "limits": limits or {"seconds": 60}, **more}
        (folder / "plugin.json").write_text(json.dumps(description))
        return f"test.{name}"

    def run(self, operation, *words, **more):
        return cli("run", operation, "--study", self.study, "--in", "trace=t", *words, "--json", env=self.env, **more)

    def fails(self, operation, code, *words):
        return error("run", operation, "--study", self.study, "--in", "trace=t", *words, code=code, env=self.env)["message"]

    def value(self, name, of):
        out = self.path / "value.json"
        cli("export", "--study", self.study, f"{name}:{of}", "--format", "json", "--out", out, env=self.env)
        return json.loads(out.read_text())


GOOD = """
import moescope_plugin as p
def work(r):
    trace = p.Trace(r.input("trace"))
    result = p.Result()
    result.axis("layer", trace.layer_labels())
    result.array("tokens", "tokens", ["layer"], [trace.tokens] * len(trace.layers))
    result.write(r.output("result"))
p.run(work)
"""


def reuse_by_hand(layer, lags):
    """Straight from the definition, token by token."""
    expert = made_trace.experts(RULE, layer).tolist()
    length = RULE["tokens_per_document"]
    reuse = []
    for lag in range(1, lags + 1):
        pairs = [(t, t - lag) for t in range(len(expert)) if t % length >= lag]
        reuse.append(sum(expert[a][0] == expert[b][0] for a, b in pairs) / len(pairs))
    shared = slots = 0
    for t in range(len(expert)):
        if t % length >= 1:
            shared += len(set(expert[t]) & set(expert[t - 1]))
            slots += len(expert[t])
    first = [sum(e[0] == x for e in expert) / len(expert) for x in range(RULE["experts"])]
    used = [sum(x in e for e in expert) / len(expert) for x in range(RULE["experts"])]
    return reuse, sum(p * p for p in first), shared / slots, sum(q * q for q in used) / RULE["top_k"]


def close(left, right):
    return math.isclose(left, right, rel_tol=1e-12)


def test_the_python_example_shows_up_runs_and_is_cached():
    with Workplace() as place:
        shutil.copytree(EXAMPLES / "reuse", place.plugins / "reuse")
        listed = {row["id"]: row for row in cli("operations", "--json", env=place.env)}
        assert listed["example.reuse"]["page"] == "Load" and "load.balance" in listed
        assert [p["name"] for p in listed["example.reuse"]["parameters"]] == ["lags"]
        assert "sum over experts" in cli("operations", "example.reuse", env=place.env)

        first = place.run("example.reuse", "--set", "lags=5", "--name", "reuse")
        assert first["outputs"]["result"]["cached"] is False and first["outputs"]["result"]["kind"] == "result"
        reuse, overlap = place.value("reuse", "reuse"), place.value("reuse", "overlap")
        assert [axis["name"] for axis in reuse["axes"]] == ["layer", "lag"]
        assert reuse["axes"][0]["labels"] == ["0 (block 1)", "1 (block 2)"]
        for layer in range(RULE["layers"]):
            expected, chance, shared, expected_shared = reuse_by_hand(layer, 5)
            assert all(map(close, reuse["values"][layer], expected)), (reuse["values"][layer], expected)
            assert all(close(value, chance) for value in reuse["baseline"][layer])
            assert close(overlap["values"][layer], shared) and close(overlap["baseline"][layer], expected_shared)

        again = place.run("example.reuse", "--set", "lags=5")
        assert again["outputs"]["result"] == {**first["outputs"]["result"], "cached": True}
        shown = cli("show", "--study", place.study, "reuse", "--json", env=place.env)
        assert shown["request"]["operation"] == "example.reuse" and len(shown["request"]["plugin"]) == 64
        with h5py.File(next((place.study / "arrays").glob("*.h5"))) as file:
            figures = json.loads(file["figures"].asstr()[0])
        assert [figure["name"] for figure in figures] == ["reuse", "layers", "map"], "figures come from plugin.json"
        assert not list((place.plugins / "reuse").glob("__pycache__"))

        assert "lags" in place.fails("example.reuse", 2, "--set", "lags=0")
        assert "did you mean example.reuse" in place.fails("example.reusee", 2)


def test_a_plugin_that_changed_is_another_request():
    with Workplace() as place:
        operation = place.plugin("good", GOOD)
        assert place.run(operation)["outputs"]["result"]["cached"] is False
        assert place.run(operation)["outputs"]["result"]["cached"] is True
        place.plugin("good", GOOD.replace("[trace.tokens]", "[2 * trace.tokens]"))
        assert place.run(operation, "--name", "new")["outputs"]["result"]["cached"] is False
        assert place.value("new", "tokens")["values"] == [1200, 1200]


def test_the_cpp_example_builds_against_the_installed_sdk_alone():
    with Workplace() as place:
        prefix = place.path / "prefix"
        subprocess.run(["cmake", "--install", BIN.parent, "--component", "sdk", "--prefix", prefix], check=True, capture_output=True)
        source = place.path / "concentration"  # a copy outside of any tree
        shutil.copytree(prefix / "share/moescope/sdk/examples/concentration", source)
        build = place.path / "build"
        for command in (["cmake", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release"],
                        ["cmake", "--build", build], ["cmake", "--install", build, "--prefix", place.plugins]):
            done = subprocess.run(command, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
        cache = (build / "CMakeCache.txt").read_text()
        assert f"MoescopeSDK_DIR:PATH={prefix}" in cache, "found where it was installed"
        assert str(SOURCE / "plugins") not in cache

        place.run("example.concentration", "--name", "c")
        share, half = place.value("c", "share"), place.value("c", "half")
        for layer in range(RULE["layers"]):
            first = made_trace.experts(RULE, layer)[:, 0]
            counts = sorted(numpy.bincount(first, minlength=RULE["experts"]).tolist(), reverse=True)
            expected = [sum(counts[:n]) / len(first) for n in range(1, RULE["experts"] + 1)]
            assert all(map(close, share["values"][layer], expected)), (share["values"][layer], expected)
            assert share["baseline"][layer] == [n / 8 for n in range(1, 9)]
            assert half["values"][layer] == next(n for n, part in enumerate(expected, 1) if part >= 0.5)
        assert place.run("example.concentration")["outputs"]["result"]["cached"] is True


def test_crash_hang_garbage_and_too_much_memory_are_one_failed_job_each():
    with Workplace() as place:
        head = "import os, signal, sys, time\nimport moescope_plugin as p\n"
        crash = place.plugin("crash", head + "print('half of it', file=sys.stderr); sys.stderr.flush(); os.kill(os.getpid(), signal.SIGSEGV)")
        message = place.fails(crash, 4)
        assert "signal 11" in message and "half of it" in message and "test.crash" in message, message

        raised = place.plugin("raises", head + "raise ValueError('k is zero')")
        assert "k is zero" in place.fails(raised, 4)

        hang = place.plugin("hang", head + "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ntime.sleep(600)", limits={"seconds": 0.5})
        start = time.monotonic()
        assert "0.5 s" in place.fails(hang, 4)
        assert time.monotonic() - start < 30

        nothing = place.plugin("nothing", head)
        assert "wrote no file" in place.fails(nothing, 3)
        garbage = place.plugin("garbage", head + "def work(r): open(r.output('result'), 'w').write('no HDF5' * 99)\np.run(work)")
        assert "HDF5" in place.fails(garbage, 3)
        lies = place.plugin("lies", GOOD.replace("p.run(work)", """
import h5py
def lie(r):
    work(r)
    with h5py.File(r.output("result"), "r+") as file:
        file["values/tokens"].attrs["axes"] = "expert"
p.run(lie)"""))
        assert "expert" in place.fails(lies, 3)
        huge = place.plugin("huge", GOOD.replace("p.run(work)", """
import h5py
def lie(r):
    with h5py.File(r.output("result"), "w") as file:
        file.create_dataset("axes/layer", shape=(1 << 40,), dtype=h5py.string_dtype(), chunks=(1024,))
        set = file.create_dataset("values/v", shape=(1 << 40,), dtype="f8", chunks=(1024,))
        set.attrs["axes"] = "layer"
p.run(lie)"""))
        place.fails(huge, 3)

        eater = place.plugin("eater", head + "def work(r): bytearray(1 << 31)\np.run(work)", limits={"seconds": 60, "memory": 1 << 30})
        assert "memory" in place.fails(eater, 4)
        stopped = place.plugin("said", head + "def work(r): raise p.Failure('input', 'the trace has no losses', '/some/trace')\np.run(work)")
        assert "the trace has no losses" in place.fails(stopped, 3)
        own = place.plugin("own", head + "sys.exit(70)")
        place.fails(own, 70)

        jobs = cli("log", "--study", place.study, "--json", env=place.env)
        assert len(jobs) == 10 and all(job["state"] == "failed" for job in jobs), jobs
        assert cli("study", "check", place.study, "--json", env=place.env)["sound"]
        assert [row["kind"] for row in cli("list", "--study", place.study, "--json", env=place.env)] == ["trace"]
        good = place.plugin("good", GOOD)
        assert place.run(good)["outputs"]["result"]["cached"] is False


def test_a_plugin_that_cannot_be_used_is_one_rejected_row_with_the_reason():
    with Workplace() as place:
        place.plugin("good", GOOD)
        place.plugin("torn", GOOD)
        (place.plugins / "torn/plugin.json").write_text('{"id": "test.torn", ')
        place.plugin("taken", GOOD, id="load.balance")
        place.plugin("model", GOOD, out=[{"name": "model", "kind": "model"}])
        rows = cli("operations", "--json", env=place.env)
        rejected = {row["plugin"]: row["rejected"] for row in rows if "rejected" in row}
        assert set(rejected) == {str(place.plugins / name) for name in ("torn", "taken", "model")}
        assert "JSON" in rejected[str(place.plugins / "torn")]
        assert "built in" in rejected[str(place.plugins / "taken")]
        assert any(row["id"] == "test.good" for row in rows)
        assert "gives results" in place.fails("test.model", 3)
        assert "gives results" in error("operations", "test.model", code=3, env=place.env)["message"]
        assert "rejected" in cli("operations", env=place.env)


def test_a_foreign_study_is_asked_about_once():
    with Workplace() as place:
        place.plugin("inside", GOOD, folder=place.study / "plugins")
        assert place.run("test.inside")["outputs"]["result"]["kind"] == "result", "whoever made a study trusts it"
        copy = place.path / "copy"
        shutil.copytree(place.study, copy)
        rows = cli("operations", "--study", copy, "--json", env=place.env)
        assert ["study trust" in row["rejected"] for row in rows if row["id"] == "test.inside"] == [True]
        refused = error("run", "test.inside", "--study", copy, "--in", "trace=t", "--fresh", code=2, env=place.env)
        assert "study trust" in refused["message"], refused
        cli("study", "trust", copy, env=place.env)
        done = cli("run", "test.inside", "--study", copy, "--in", "trace=t", "--fresh", "--json", env=place.env)
        assert done["outputs"]["result"]["kind"] == "result"


def test_serve_lists_runs_and_cancels_plugins():
    with Workplace() as place:
        good = place.plugin("good", GOOD)
        slow = place.plugin("slow", "import time\nimport moescope_plugin as p\np.progress(0.5, 'half way')\ntime.sleep(600)", limits={"seconds": 500})
        (place.plugins / "bad").mkdir()
        (place.plugins / "bad/plugin.json").write_text("[]")
        os.environ.update(place.env)
        try:
            serve = Serve(place.study)
            answer = serve.ask("operations")
            assert {good, slow} <= {row["id"] for row in answer["operations"]}
            assert [row["id"] for row in answer["rejected"]] == ["bad"]
            serve.submit("j1", slow, inputs={"trace": "t"})
            serve.until(lambda message: message["type"] == "progress" and message["job"] == "j1" and message["stage"] == "half way")
            serve.submit("j2", good, inputs={"trace": "t"})
            assert serve.last_word("j2")["type"] == "done"
            serve.send("cancel", job="j1")
            last = serve.last_word("j1", timeout=30)
            assert last["type"] == "failed" and last["error"]["kind"] == "cancelled", last
            serve.end()
        finally:
            for name in place.env:
                os.environ.pop(name)
        time.sleep(0.2)
        left = subprocess.run(["pgrep", "-f", str(place.plugins / "slow")], capture_output=True, text=True).stdout
        assert not left, "the plugin's process lives on"


run_all(globals())
