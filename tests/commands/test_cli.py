# SPDX-License-Identifier: GPL-3.0-or-later
"""moescope-cli as a user types it (contract section 1), with operations that need no LibTorch."""
import csv
import json
import os
import pty
import signal
import subprocess
import time

import h5py
import numpy

from command import BIN, Folder, cli, counting_bin, error, passed, run_all, texts


def timed(*words, **more):
    start = time.monotonic()
    out = cli(*words, **more)
    return out, time.monotonic() - start


def test_a_study_from_nothing_to_a_corpus_that_is_cached():
    with Folder() as folder:
        study = folder / "S"
        texts(folder / "texts")
        cli("study", "init", study)
        request = ["run", "corpus.import", "--study", study, "--set", f"path={folder / 'texts'}", "--name", "text", "--json"]
        first = cli(*request)
        corpus = first["outputs"]["corpus"]
        assert corpus["cached"] is False and corpus["name"] == "text" and corpus["kind"] == "corpus" and len(corpus["id"]) == 64
        assert first["seconds"] > 0
        again = cli(*request)
        assert again["outputs"]["corpus"] == {**corpus, "cached": True}
        assert cli("study", "check", study, "--json") == {"sound": True, "damage": []}

        rows = cli("list", "--study", study, "--json")
        assert [set(row) for row in rows] == [{"id", "kind", "names", "state", "created"}]
        assert rows[0]["names"] == ["text"] and rows[0]["state"] == "present"
        shown = cli("show", "--study", study, "text", "--json")
        assert shown["request"]["operation"] == "corpus.import"
        assert shown["request"]["outside"]["path"]["files"] == 24
        provenance = shown["provenance"]
        assert {"program", "host", "seed", "resources", "inputs", "started", "seconds"} <= set(provenance), provenance
        assert shown["bytes"] > 0 and shown["files"]
        steps = cli("log", "--study", study, "text", "--json")
        assert [step["operation"] for step in steps] == ["corpus.import"]
        jobs = cli("log", "--study", study, "--json")
        assert [job["state"] for job in jobs] == ["done"]

        fresh = cli(*request, "--fresh")
        assert fresh["reproduced"] is True and fresh["outputs"]["corpus"] == corpus


def test_names_point_move_and_are_several():
    with Folder() as folder:
        study = folder / "S"
        cli("study", "init", study)
        one = ["run", "corpus.synthetic", "--study", study, "--set", "tokens=2000", "--json"]
        first = cli(*one, "--set", "seed=1", "--name", "a")["outputs"]["corpus"]["id"]
        assert cli(*one, "--set", "seed=1", "--name", "b")["outputs"]["corpus"]["id"] == first
        rows = cli("list", "--study", study, "--json")
        assert len(rows) == 1 and sorted(rows[0]["names"]) == ["a", "b"]
        second = cli(*one, "--set", "seed=2", "--name", "a")["outputs"]["corpus"]["id"]
        assert second != first
        assert cli("show", "--study", study, "a", "--json")["id"] == second
        assert cli("show", "--study", study, first[:8], "--json")["names"] == ["b"]
        error(*one[:-1], "--name", "deadbeef", code=2)
        error(*one[:-1], "--name", "not a name", code=2)


def test_rm_and_its_undo():
    with Folder() as folder:
        study = folder / "S"
        cli("study", "init", study)
        request = ["run", "corpus.synthetic", "--study", study, "--set", "tokens=2000", "--name", "c", "--json"]
        cli(*request)
        cli("rm", "--study", study, "c", "--json")
        assert cli("list", "--study", study, "--json") == []
        error("show", "--study", study, "c", code=2)
        cli("study", "undo", study)
        assert cli("list", "--study", study, "--json")[0]["names"] == ["c"]
        cli("study", "redo", study)
        assert cli(*request)["outputs"]["corpus"]["cached"] is False  # its outputs are not all present: it runs again
        assert cli("study", "gc", study, "--now", "--json")["files"] >= 0
        cli("study", "check", study)


def test_export_gives_one_value_in_every_form():
    with Folder() as folder:
        study, bin = folder / "S", counting_bin(folder)
        cli("study", "init", study)
        cli("run", "test.count", "--study", study, "--set", "steps=4", "--set", "add=2.5", "--name", "r", bin=bin)
        out = lambda name: str(folder / name)
        cli("export", "--study", study, "r:sum", "--format", "json", "--out", out("v.json"))
        assert json.loads((folder / "v.json").read_text()) == {
            "name": "sum", "kind": "array", "unit": "", "axes": [], "values": 10.0, "baseline": None, "low": None, "high": None}
        cli("export", "--study", study, "r:sum", "--format", "npy", "--out", out("v.npy"))
        loaded = numpy.load(out("v.npy"))
        assert loaded.dtype == numpy.float64 and loaded.shape == () and loaded == 10.0
        cli("export", "--study", study, "r:sum", "--format", "csv", "--out", out("v.csv"))
        assert list(csv.reader(open(out("v.csv")))) == [["sum"], ["10"]]
        cli("export", "--study", study, "r", "--format", "h5", "--out", out("v.h5"))
        with h5py.File(out("v.h5")) as file:
            assert file["values/sum"][()] == 10.0
        latex = cli("export", "--study", study, "r:sum", "--format", "latex", "--out", "-")
        assert latex.startswith("\\begin{tabular}") and "\\toprule" in latex and "10" in latex
        assert "did you mean sum?" in error("export", "--study", study, "r:sun", "--format", "npy", "--out", out("x"), code=2)["message"]
        error("export", "--study", study, "r", "--format", "hf", "--out", out("x"), code=2)
        error("export", "--study", study, "r", "--format", "docx", "--out", out("x"), code=2)


def test_dry_run_says_the_cost_and_runs_nothing():
    with Folder() as folder:
        study, bin = folder / "S", counting_bin(folder)
        cli("study", "init", study)
        request = ["run", "test.count", "--study", study, "--set", "steps=1000", "--set", "pause=10"]
        assert cli(*request, "--dry-run", "--json", bin=bin) == {"cost": {"bytes": 1000, "memory": 2000, "seconds": 10.0}}
        assert cli("list", "--study", study, "--json") == [] and cli("log", "--study", study, "--json") == []
        assert "13" in error("run", "test.count", "--study", study, "--set", "steps=13", "--dry-run", bin=bin, code=2)["message"]


def test_values_from_files_and_events_from_files():
    with Folder() as folder:
        study, bin = folder / "S", counting_bin(folder)
        cli("study", "init", study)
        (folder / "five").write_text("5")
        (folder / "events.json").write_text('[{"step":3,"set":{"add":10}}]')
        request = ["run", "test.count", "--study", study, "--set", f"steps=@{folder / 'five'}", "--json"]
        cli(*request, "--events", folder / "events.json", "--name", "r", bin=bin)
        value = cli("export", "--study", study, "r:sum", "--format", "json", "--out", "-")
        assert json.loads(value)["values"] == 1 + 1 + 10 + 10 + 10
        shown = cli("show", "--study", study, "r", "--json")
        assert shown["request"]["events"] == [{"step": 3, "set": {"add": 10}}]
        plain = cli(*request, bin=bin)["outputs"]["result"]
        assert plain["cached"] is False and plain["id"] != shown["id"]


def test_interrupt_cancels_and_the_second_run_resumes():
    with Folder() as folder:
        study, bin = folder / "S", counting_bin(folder)
        cli("study", "init", study)
        words = [bin / "moescope-cli", "run", "test.count", "--study", study, "--set", "steps=200", "--set", "pause=20", "--name", "r", "--json"]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            time.sleep(0.5)
            process.send_signal(number)
            out, _ = process.communicate(timeout=20)
            assert process.returncode == 5, (number, process.returncode, out)
            assert json.loads(out)["error"]["kind"] == "cancelled"
        assert [job["state"] for job in cli("log", "--study", study, "--json")] == ["cancelled"] * 3
        cli(*words[1:], bin=bin)
        shown = cli("show", "--study", study, "r", "--json")
        assert shown["summary"]["first"] > 10, shown["summary"]
        assert json.loads(cli("export", "--study", study, "r:sum", "--format", "json", "--out", "-"))["values"] == 200


def test_a_run_that_is_killed_takes_its_worker_along():
    with Folder() as folder:
        study, bin = folder / "S", counting_bin(folder)
        cli("study", "init", study)
        process = subprocess.Popen([bin / "moescope-cli", "run", "test.count", "--study", study, "--set", "steps=100000", "--set", "pause=5"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        worker = None
        for _ in range(100):
            time.sleep(0.05)
            worker = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.strip()
            if worker:
                break
        assert worker
        time.sleep(0.3)
        process.kill()
        process.wait()
        end = time.monotonic() + 2.5
        while os.path.exists(f"/proc/{worker}") and time.monotonic() < end:
            time.sleep(0.02)
        assert not os.path.exists(f"/proc/{worker}"), "the worker lives on"


def test_progress_is_one_line_a_stage_and_moves_on_a_terminal():
    with Folder() as folder:
        study, bin = folder / "S", counting_bin(folder)
        cli("study", "init", study)
        words = [str(bin / "moescope-cli"), "run", "test.count", "--study", str(study), "--set", "steps=60", "--set", "pause=30"]
        done = subprocess.run(words + ["--set", "seed=1"], capture_output=True, text=True)
        assert done.stderr.splitlines() == ["test.count: counting"], done.stderr
        main, other = pty.openpty()
        process = subprocess.Popen(words + ["--set", "seed=2"], stdout=subprocess.DEVNULL, stderr=other)
        os.close(other)
        shown = b""
        try:
            while data := os.read(main, 4096):
                shown += data
        except OSError:
            pass
        assert process.wait() == 0
        assert b"\r" in shown and b"%" in shown and b"left" in shown, shown


def test_a_recipe_runs_its_steps_once():
    with Folder() as folder:
        study, bin = folder / "S", counting_bin(folder)
        cli("study", "init", study)
        recipe = {"moescope_recipe": 1, "steps": [
            {"name": "text", "operation": "corpus.synthetic", "set": {"tokens": 2000}},
            {"name": "r", "operation": "test.count", "set": {"steps": 3}, "events": [{"step": 2, "set": {"add": 5}}]}]}
        (folder / "recipe.json").write_text(json.dumps(recipe))
        first = cli("recipe", folder / "recipe.json", "--study", study, "--json", bin=bin)
        assert [step["name"] for step in first["steps"]] == ["text", "r"]
        again = cli("recipe", folder / "recipe.json", "--study", study, "--json", bin=bin)
        assert again["steps"][0]["outputs"]["corpus"]["cached"] is True
        assert again["steps"][1]["outputs"]["result"]["cached"] is True
        assert json.loads(cli("export", "--study", study, "r:sum", "--format", "json", "--out", "-"))["values"] == 11
        (folder / "bad.json").write_text('{"moescope_recipe":2,"steps":[]}')
        error("recipe", folder / "bad.json", "--study", study, code=3)
        recipe["steps"][1]["operation"] = "test.cuont"
        (folder / "bad.json").write_text(json.dumps(recipe))
        assert "did you mean test.count?" in error("recipe", folder / "bad.json", "--study", study, bin=bin, code=2)["message"]


def test_operations_say_everything_and_help_teaches():
    listed = cli("operations", "--json")
    by_id = {operation["id"]: operation for operation in listed}
    assert {"corpus.import", "corpus.synthetic"} <= set(by_id)
    for operation in listed:
        assert {"id", "version", "title", "help", "in", "out", "parameters", "figures", "worker"} <= set(operation)
    assert "corpus.import" in cli("operations")
    assert "Example" in cli("operations", "corpus.import")
    for word in ("run", "recipe", "list", "show", "log", "rm", "export", "selftest", "serve", "operations", "study"):
        assert "xample" in cli(word, "--help"), word
    assert "study init" in cli("--help")


def test_selftest_holds_kernels_to_their_definition():
    report = cli("selftest", "--json")
    assert report["ok"] is True and report["kernels"] and all(row["ok"] for row in report["kernels"])
    assert report["machine"]["threads"] >= 1 and report["machine"]["memory"] > 0
    assert "CUDA module" in cli("selftest")


def test_looking_takes_less_than_50_ms():
    with Folder() as folder:
        study = folder / "S"
        cli("study", "init", study)
        cli("run", "corpus.synthetic", "--study", study, "--set", "tokens=2000", "--name", "c")
        for words in (["study", "info", study], ["operations"], ["list", "--study", study], ["show", "--study", study, "c"],
                      ["log", "--study", study], ["rm", "--study", study, "c"]):
            passed(f"  {words[0]}", min(timed(*words)[1] for _ in range(1 if words[0] == "rm" else 3)))


if __name__ == "__main__":
    run_all(globals())
