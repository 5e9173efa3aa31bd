# SPDX-License-Identifier: GPL-3.0-or-later
"""From text to load balance as a user types it: init, import, train, capture, analyse; and back from the cache."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import h5py
import numpy

if os.environ["MOESCOPE_TORCH"] != "1":
    print("no LibTorch in this build: nothing to train with")
    sys.exit(0)
cli = pathlib.Path(os.environ["MOESCOPE_BIN"]) / "moescope-cli"
source = pathlib.Path(__file__).parents[2]


def run(*words, code=0):
    done = subprocess.run([cli, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for domain, files in {"headers": source.glob("core/**/*.h"), "python": source.glob("tests/**/*.py")}.items():
        (folder / "text" / domain).mkdir(parents=True)
        for number, path in enumerate(sorted(files)[:12]):
            shutil.copy(path, folder / "text" / domain / f"{number}-{path.name}")
    study = str(folder / "S")
    shape = [f"--set={pair}" for pair in ("layers=2", "hidden=64", "expert_width=64", "steps=30", "batch=8", "length=64")]
    train = ["run", "train.lm", "--study", study, "--in", "corpus=text", *shape, "--name", "toy"]

    run("study", "init", study)
    run("run", "corpus.import", "--study", study, "--set", f"path={folder / 'text'}", "--name", "text")
    cost = json.loads(run(*train, "--dry-run", "--json"))
    assert cost["cost"]["seconds"] > 0 and cost["cost"]["memory"] > 0, cost
    first = json.loads(run(*train, "--json"))["outputs"]
    assert set(first) == {"model", "run"} and first["model"]["name"] == "toy", first
    run("run", "capture.routing", "--study", study, "--in", "model=toy", "--in", "corpus=text", "--name", "t")
    balance = json.loads(run("run", "load.balance", "--study", study, "--in", "trace=t", "--name", "lb", "--json"))
    assert balance["outputs"]["result"]["name"] == "lb", balance
    run("run", "evaluate.loss", "--study", study, "--in", "model=toy", "--in", "corpus=text", "--name", "loss")
    run("run", "model.sample", "--study", study, "--in", "model=toy", "--set", "prompt=namespace ", "--set", "tokens=16")
    refused = run("run", "model.sample", "--study", study, "--in", "model=toy", "--set", "prompt=a", "--memory", "1000", "--json", code=4)
    assert "layer by layer" in json.loads(refused)["error"]["message"], refused

    # The trace holds every byte of the text, with two experts a token; the balance counts them all.
    trace = next(pathlib.Path(study, "traces").iterdir())
    bytes_of_text = sum(path.stat().st_size for path in (folder / "text").rglob("*") if path.is_file())
    with h5py.File(trace / "0000.h5") as file:
        ids, expert, loss = (file[path][()] for path in ("tokens/id", "layers/01/expert", "tokens/loss"))
    assert len(ids) == bytes_of_text and expert.shape == (bytes_of_text, 2) and expert.max() < 8
    run("export", "--study", study, "lb:count", "--format", "npy", "--out", str(folder / "count.npy"))
    assert (numpy.load(folder / "count.npy")[1] == numpy.bincount(expert.ravel(), minlength=8)).all()
    run("export", "--study", study, "loss:loss", "--format", "json", "--out", str(folder / "loss.json"))
    evaluated = json.loads((folder / "loss.json").read_text())
    assert abs(numpy.nanmean(loss.astype(float)) - evaluated["values"]) < 1e-5, evaluated

    # The run can be read by anybody, and 30 steps have taught it something.
    with h5py.File(next(pathlib.Path(study, "runs").iterdir()) / "0000.h5") as file:
        steps, losses, load = (file[f"metrics/{path}"][()] for path in ("step", "loss", "load"))
    assert list(steps) == list(range(1, 31)) and load.shape == (30, 2, 8), (steps, load.shape)
    assert losses[0] > 5 and losses[-1] < 4, losses

    again = json.loads(run(*train, "--json"))["outputs"]
    assert again["model"]["cached"] and again["model"]["id"] == first["model"]["id"], again
    # Bad input: a named error, and the contract's exit code.
    for words, code, named in ((["--set", "top_k=9"], 2, "experts=8"), (["--set", "layers=0"], 2, "layers"), (["--set", "heads=5"], 2, "hidden=64"), (["--set", "learning_rate=nan"], 2, "learning_rate")):
        failed = subprocess.run([cli, *train[:-2], *words, "--json"], capture_output=True, text=True, timeout=60)
        error = json.loads(failed.stdout)["error"]
        assert failed.returncode == code and error["kind"] == "usage" and named in error["message"], (words, error)
    run("study", "check", study)
