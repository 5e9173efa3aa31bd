# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker is killed while it trains: error 4, a sound study, and the second run goes on to the very same model."""
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

if os.environ["MOESCOPE_TORCH"] != "1":
    print("no LibTorch in this build: nothing to train with")
    sys.exit(0)
cli = pathlib.Path(os.environ["MOESCOPE_BIN"]) / "moescope-cli"
shape = [f"--set={pair}" for pair in ("layers=2", "hidden=32", "heads=2", "experts=4", "expert_width=32", "steps=400", "batch=8",
                                      "length=32", "snapshot_every=25", "validate_every=0", "validation_tokens=256")]


def run(*words, code=0):
    done = subprocess.run([cli, *words], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done


def study_with_text(folder):
    run("study", "init", str(folder))
    run("run", "corpus.synthetic", "--study", str(folder), "--set", "tokens=40000", "--set", "domains=2", "--name", "text")
    return ["run", "train.lm", "--study", str(folder), "--in", "corpus=text", *shape, "--threads", "2", "--name", "m", "--json"]


def workers_of(parent):
    """Processes below `parent` that are moescope-worker."""
    found, below = [], {parent}
    for entry in sorted(pathlib.Path("/proc").iterdir(), key=lambda path: path.name.zfill(9)):
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes()
            above = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
        except (OSError, IndexError):
            continue
        if above in below:
            below.add(int(entry.name))
            if b"moescope-worker" in command:
                found.append(int(entry.name))
    return found


with tempfile.TemporaryDirectory() as name:
    study = pathlib.Path(name) / "S"
    train = study_with_text(study)
    first = subprocess.Popen([cli, *train], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 120
    while not list(study.glob("jobs/*/.state/state.h5")):
        assert first.poll() is None and time.monotonic() < until, first.communicate()
        time.sleep(0.005)
    killed = workers_of(first.pid)
    assert killed, "no worker was found"
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    out, errors = first.communicate(timeout=60)
    assert first.returncode == 4, (first.returncode, out, errors)
    assert json.loads(out)["error"]["kind"] == "environment", out
    run("study", "check", str(study))

    second = run(*train)
    assert "Going on after step" in second.stderr, second.stderr
    resumed = json.loads(second.stdout)["outputs"]
    other = pathlib.Path(name) / "T"
    whole = json.loads(run(*study_with_text(other)).stdout)["outputs"]
    for port in ("model", "run"):
        assert resumed[port]["id"] == whole[port]["id"], (port, resumed, whole)
    run("study", "check", str(study))
