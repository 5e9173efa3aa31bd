# SPDX-License-Identifier: GPL-3.0-or-later
"""packaging/setup asks for nothing that is there, and says what to type where it may not install."""
import os
import pathlib
import subprocess
import tempfile

setup = pathlib.Path(__file__).parents[2] / "packaging/setup"


def run(folder: pathlib.Path, missing: str, user: int, **environment: str) -> tuple[int, str, str]:
    """Runs setup where dpkg-query lacks one package; gives the exit code, what it said, and how apt-get was called."""
    tools = folder / "tools"
    tools.mkdir()
    for name, body in {
        "dpkg-query": f'case "$*" in *" {missing}") exit 1 ;; *) printf installed ;; esac',
        "apt-get": f'echo "$*" >> {folder}/apt',
        "sudo": "exit 1",  # would ask for a password
        "id": f"echo {user}",
        "unzip": "exit 9",
        "python3": "exit 9",
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{body}\n")
        (tools / name).chmod(0o755)
    (folder / "moescope/libtorch-2.11.0").mkdir(parents=True)
    done = subprocess.run([setup], env={"PATH": f"{tools}:/usr/bin:/bin", "XDG_CACHE_HOME": str(folder), **environment}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)
    calls = (folder / "apt").read_text() if (folder / "apt").exists() else ""
    return done.returncode, done.stderr, calls


def check(what: bool, *shown) -> None:
    if not what:
        raise SystemExit(f"failed: {shown}")


def within(call, *arguments, **environment):
    with tempfile.TemporaryDirectory() as folder:
        return call(pathlib.Path(folder), *arguments, **environment)


everything_there = within(run, "none", 1000)
check(everything_there == (0, "", ""), everything_there)

code, said, calls = within(run, "libfmt-dev", 1000)
check(code == 4 and not calls, code, calls)
check("apt-get update && apt-get install -y" in said and said.rstrip().endswith("libfmt-dev"), said)

code, said, calls = within(run, "libfmt-dev", 0)
check(code == 0, code, said)
check(calls.splitlines()[0].startswith("update") and calls.splitlines()[1].endswith("libfmt-dev"), calls)

code, said, calls = within(run, "none", 1000, LIBTORCH_DIR="/nowhere")
check(code == 4 and "/nowhere/lib/libtorch_cpu.so is not there" in said, code, said)
print("setup installs what is missing, and only that")
