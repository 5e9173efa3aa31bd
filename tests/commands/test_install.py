# SPDX-License-Identifier: GPL-3.0-or-later
"""An installed tree runs from wherever it lies: programs, list of operations, desktop files."""
import json
import os
import pathlib
import subprocess
import tempfile

build = pathlib.Path(os.environ["MOESCOPE_BIN"]).parent
# A folder of its own for the study's cache and the user's files, and nothing that points at the build.
environment = {key: value for key, value in os.environ.items() if not key.startswith("MOESCOPE")}


def run(*command: object) -> str:
    done = subprocess.run([str(word) for word in command], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


with tempfile.TemporaryDirectory() as name:
    first = pathlib.Path(name, "first")
    run("cmake", "--install", build, "--prefix", first)
    prefix = first.rename(pathlib.Path(name, "moved here"))
    share = prefix / "share"
    for file in ["applications/moescope.desktop", "metainfo/moescope.metainfo.xml", "icons/hicolor/scalable/apps/moescope.svg",
                 "moescope/operations.json", "moescope/recipes/demo.json"]:
        assert (share / file).stat().st_size > 0, file
    cli = prefix / "bin/moescope-cli"
    listed = {operation["id"]: operation for operation in json.loads(run(cli, "operations", "--json"))}
    for operation in ["corpus.import", "load.balance"]:
        assert listed[operation]["worker"] == "light", listed[operation]
    if os.environ["MOESCOPE_TORCH"] == "1":
        assert listed["train.lm"]["worker"] == "torch", "operations of LibTorch's worker are listed without starting it"
    study = pathlib.Path(name, "study")
    run(cli, "study", "init", study)
    made = json.loads(run(cli, "run", "corpus.synthetic", "--study", study, "--set", "tokens=4000", "--name", "known", "--json"))
    assert made["outputs"]["corpus"]["name"] == "known", made
    assert not made["outputs"]["corpus"]["cached"]
    again = json.loads(run(cli, "run", "corpus.synthetic", "--study", study, "--set", "tokens=4000", "--json"))
    assert again["outputs"]["corpus"]["cached"] and again["outputs"]["corpus"]["id"] == made["outputs"]["corpus"]["id"]
print("the installed tree runs")
