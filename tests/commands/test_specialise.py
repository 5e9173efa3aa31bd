# SPDX-License-Identifier: GPL-3.0-or-later
"""Specialisation and text as a user types it: a small model is trained and captured with what it predicts, and every analysis
says what numpy finds in the trace."""
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
    done = subprocess.run([cli, *map(str, words)], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


def value(study, name):
    return json.loads(run("export", "--study", study, name, "--format", "json", "--out", "-"))


def mutual(labels, experts):
    """I(label; expert) in nats, from the definition."""
    table = numpy.zeros((labels.max() + 1, experts.max() + 1))
    for column in experts.T:
        numpy.add.at(table, (labels, column), 1)
    joint = table / table.sum()
    product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    return float((joint[joint > 0] * numpy.log(joint[joint > 0] / product[joint > 0])).sum())


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    for domain, files in {"headers": source.glob("core/**/*.h"), "python": source.glob("tests/**/*.py")}.items():
        (folder / "text" / domain).mkdir(parents=True)
        for number, path in enumerate(sorted(files)[:12]):
            shutil.copy(path, folder / "text" / domain / f"{number}-{path.name}")
    study = folder / "S"
    run("study", "init", study)
    run("run", "corpus.import", "--study", study, "--set", f"path={folder / 'text'}", "--name", "prose")
    shape = [f"--set={pair}" for pair in ("layers=2", "hidden=64", "expert_width=64", "steps=30", "batch=8", "length=64")]
    run("run", "train.lm", "--study", study, "--in", "corpus=prose", *shape, "--name", "toy")
    run("run", "capture.routing", "--study", study, "--in", "model=toy", "--in", "corpus=prose", "--set", "predicted=true", "--name", "t")
    with h5py.File(next((study / "traces").iterdir()) / "0000.h5") as file:
        ids, following, predicted, domain, loss = (file[f"tokens/{part}"][()] for part in ("id", "next", "predicted", "domain", "loss"))
        experts = file["layers/01/expert"][()].astype(int)
    sums = lambda table: numpy.asarray(table, float)

    for operation, sets in (("specialise.domain", ["draws=100"]), ("specialise.vocabulary", []), ("specialise.information", ["draws=10", "min_count=1"]),
                            ("specialise.position", ["draws=50"]), ("tokens.text", ["find=namespace moe", "within=trace"])):
        out = json.loads(run("run", operation, "--study", study, "--in", "trace=t", *[f"--set={pair}" for pair in sets], "--name", operation.split(".")[1], "--json"))
        assert out["outputs"]["result"]["name"] == operation.split(".")[1], out

    # Domains: shares and information of the second layer.
    counts = numpy.stack([numpy.bincount(experts[domain == d].ravel(), minlength=8) for d in range(2)])
    assert numpy.allclose(sums(value(study, "domain:share")["values"])[1], counts / counts.sum(1, keepdims=True))
    assert abs(value(study, "domain:information")["values"][1] - mutual(domain.astype(int), experts)) < 1e-10
    committee = sums(value(study, "domain:present")["values"])[1]
    for d in range(2):  # the smallest set that carries half
        order = numpy.sort(counts[d])[::-1]
        assert committee[d].sum() == numpy.searchsorted(numpy.cumsum(order), order.sum() / 2 - 1e-9) + 1

    # Types in all three roles.
    score = sums(value(study, "vocabulary:score")["values"])[1]
    for at, role in enumerate((ids, predicted, following)):
        largest = [numpy.bincount(experts[role == v].ravel(), minlength=8).max() / (role == v).sum() for v in numpy.unique(role[role >= 0]) if (role == v).sum() >= 10]
        assert abs(numpy.mean(largest) - score[at]) < 1e-10, (at, numpy.mean(largest), score)
    null = sums(value(study, "vocabulary:score")["baseline"])[1]
    assert (score > null).all(), (score, null)  # a trained router sees the token

    information = value(study, "information:information")
    assert information["axes"][1]["labels"] == ["domain", "token id", "character class", "position"]
    assert abs(information["values"][1][1] - mutual(ids.astype(int), experts)) < 1e-10

    # The text: what was looked for, and what surprised most.
    text = (folder / "text").rglob("*")
    occurrences = sum(path.read_bytes().lower().count(b"namespace moe") for path in text if path.is_file())
    run("export", "--study", study, "text", "--format", "h5", "--out", folder / "text.h5")
    with h5py.File(folder / "text.h5") as file:
        assert len(file["values/matches/document"]) == occurrences, (len(file["values/matches/document"]), occurrences)
        surprising = file["values/surprising/loss"][()]
    assert numpy.allclose(surprising, numpy.sort(loss[following >= 0])[::-1][:50])

    # Bad input: a named error, and the contract's exit code.
    run("run", "capture.routing", "--study", study, "--in", "model=toy", "--in", "corpus=prose", "--set", "tokens=500", "--name", "plain")
    for operation, sets, named in (("specialise.vocabulary", ["role=predicted"], "predicted=true"), ("specialise.domain", ["contrast=[\"germn\"]"], "contrast"),
                                   ("tokens.text", ["find_expert=99"], "8 experts"), ("specialise.position", ["domains=[\"nowhere\"]"], "nowhere")):
        words = ["run", operation, "--study", study, "--in", "trace=plain", *[f"--set={pair}" for pair in sets], "--json"]
        error = json.loads(run(*words, code=2))["error"]
        assert error["kind"] == "usage" and named in error["message"], (operation, error)
    run("study", "check", study)
