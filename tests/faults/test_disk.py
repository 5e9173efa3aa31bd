# SPDX-License-Identifier: GPL-3.0-or-later
"""The n-th open, write, fsync, rename, truncate, link or mkdir of a command fails, for one n after the other; the disk is
full after so many bytes; memory runs out at the n-th allocation; media are read-only. Each time: the exit code and a
message of the contract, everything that was there is there, `study check` finds nothing, and the command works once the
fault is gone.

    MOESCOPE_TORTURE=500     every n instead of some"""
import argparse
import errno
import json
import mmap
import os
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path

from command import BIN, Folder, cli, error, run_all

SHIM = os.environ.get("MOESCOPE_SHIM", "")
ALL = "MOESCOPE_TORTURE" in os.environ
CALLS = ("open", "write", "fsync", "rename", "truncate", "link", "mkdir")
# A failure that the system gave; 3 is a path that could not be read, 5 what a worker says whose supervisor failed.
NAMED = {4: "environment"}


class Faulty:
    """A study that is copied anew for each command, and the commands that write to it."""

    def __init__(self, folder):
        self.folder, self.whole, self.study = folder, folder / "whole", folder / "S"
        cli("study", "init", self.whole)
        for name, seed in (("kept", 1), ("other", 2)):
            cli("run", "corpus.synthetic", "--study", self.whole, "--set", "tokens=400", "--set", f"seed={seed}", "--name", name)
        cli("rm", "--study", self.whole, "other")
        self.tar = folder / "whole.tar"
        cli("study", "pack", self.whole, "--out", self.tar)
        self.state = folder / "state"

    def commands(self):
        S = self.study
        return {
            "rm": ["rm", "--study", S, "kept"],
            "undo": ["study", "undo", S],
            "gc": ["study", "gc", S, "--now"],
            "run": ["run", "corpus.synthetic", "--study", S, "--set", "tokens=500", "--set", "seed=3", "--name", "new"],
            "init": ["study", "init", S],
            "pack": ["study", "pack", S, "--out", self.folder / "S.out"],
            "unpack": ["study", "unpack", S, "--from", self.tar],
            "repair": ["study", "repair", S],
        }

    def prepare(self, what):
        shutil.rmtree(self.study, ignore_errors=True)
        (self.folder / "S.out").unlink(missing_ok=True)
        if what not in ("init", "unpack"):
            shutil.copytree(self.whole, self.study)
        if what == "repair":
            with open(self.study / "study.sqlite", "r+b") as file:
                file.write(b"\xff" * 4096)
        self.state.write_bytes(bytes(64))

    def run(self, what, fault=None, disk=None):
        """Gives (exit code, error or None, how many calls failed)."""
        env = {**os.environ, "LD_PRELOAD": SHIM, "MOESCOPE_FAULT_UNDER": str(self.folder / "S"), "MOESCOPE_FAULT_STATE": str(self.state)}
        if fault:
            env["MOESCOPE_FAULT"] = fault
        if disk is not None:
            env["MOESCOPE_DISK"] = str(disk)
        done = subprocess.run([str(BIN / "moescope-cli"), *map(str, self.commands()[what]), "--json"], capture_output=True, text=True, env=env, timeout=60)
        failed = struct.unpack_from("<q", self.state.read_bytes(), 8)[0]
        label = f"{what} with {fault or f'a disk of {disk} bytes'}"
        assert done.returncode in (0, 4), f"{label}: ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        problem = None
        if done.returncode:
            problem = json.loads(done.stdout)["error"]
            assert problem["kind"] == "environment" and len(problem["message"]) > 20, (label, problem)
        assert "Traceback" not in done.stderr and "terminate" not in done.stderr, (label, done.stderr)
        self.holds(what, done.returncode == 0, label)
        return done.returncode, problem, failed

    def holds(self, what, done, label):
        """Nothing that was acknowledged is lost, nothing is half there."""
        if what in ("init", "unpack") and not (self.study / "study.sqlite").exists():
            assert not done, label
            return
        if what == "repair" and not done:
            return  # still as damaged as before; it is repaired below
        names = {name: row["state"] for row in cli("list", "--study", self.study, "--all", "--json") for name in row["names"]}
        wanted = {"init": {}, "unpack": {"kept": "present", "other": "deleted"}}.get(what, {"kept": "present", "other": "deleted"})
        if done:
            wanted |= {"rm": {"kept": "deleted"}, "undo": {"other": "present"}, "gc": {"other": "evicted"}, "run": {"new": "present"}}.get(what, {})
        for name, state in wanted.items():
            # What failed may have come as far as its commit before it did.
            also = {("rm", "kept"): "deleted", ("undo", "other"): "present", ("gc", "other"): "evicted"}.get((what, name), state)
            assert names.get(name) == state or (not done and names.get(name) == also), (label, name, names)
        assert cli("study", "check", self.study, "--json")["sound"] is True, label
        if what == "pack":
            assert (self.folder / "S.out").exists() == done, label

    def works_again(self, what):
        """The same command without a fault, on what the fault left."""
        words = list(map(str, self.commands()[what]))
        if what in ("rm", "undo", "init", "unpack"):
            done = subprocess.run([str(BIN / "moescope-cli"), *words], capture_output=True, text=True, timeout=60)
            assert done.returncode in (0, 2), (words, done.stderr)  # 2: it had come to its end after all
        else:
            cli(*words)
        assert cli("study", "check", self.study, "--json")["sound"] is True, what


def chosen(limit):
    """Every n while small, then further and further apart."""
    n = 1
    while n < limit:
        yield n
        n += 1 if ALL or n < 4 else 1 + n // 2


def test_the_nth_call_of_each_kind_fails():
    codes = {"open": (errno.ENOSPC, errno.EROFS), "write": (errno.ENOSPC, errno.EIO), "fsync": (errno.EIO,), "rename": (errno.EIO, errno.ENOSPC),
             "truncate": (errno.EIO,), "link": (errno.EIO,), "mkdir": (errno.ENOSPC,)}
    with Folder() as folder:
        faulty = Faulty(folder)
        counted = dict.fromkeys(CALLS, 0)
        for what in faulty.commands():
            for call in CALLS:
                for n in chosen(2000):
                    faulty.prepare(what)
                    code = codes[call][n % len(codes[call])]
                    _, _, failed = faulty.run(what, f"{call}:{n}:{code}{'+' if n % 2 else ''}")
                    if not failed:
                        break  # the command has no n-th call of this kind
                    counted[call] += 1
                    faulty.works_again(what)
        print("    failed:", ", ".join(f"{count} {call}" for call, count in counted.items()))
        assert all(count > 2 for call, count in counted.items() if call != "link"), counted


def test_short_writes_are_written_on():
    with Folder() as folder:
        faulty, shortened = Faulty(folder), 0
        for what in ("run", "unpack", "pack", "rm"):
            for n in chosen(200):
                faulty.prepare(what)
                code, _, failed = faulty.run(what, f"write:{n}:short")
                shortened += failed
                # SQLite takes a short write for a full disk; everybody else goes on where it ended.
                faulty.works_again(what)
                if not failed:
                    break
        assert shortened > 5, shortened


def test_the_disk_is_full_at_many_fill_levels():
    with Folder() as folder:
        faulty, full, fitted = Faulty(folder), 0, 0
        for what in ("run", "unpack", "pack", "rm", "gc", "init"):
            level = 0
            for round in range(200):
                faulty.prepare(what)
                code, problem, failed = faulty.run(what, disk=level)
                full += code == 4
                fitted += code == 0 and not failed
                if problem:
                    message = problem["message"].lower()
                    assert any(word in message for word in ("space", "full", "disk")), problem
                faulty.works_again(what)
                if code == 0 and not failed:
                    break
                level = level * 4 // 3 + (1500 if not ALL else 400)
        print(f"    {full} times full, {fitted} commands fitted in the end")
        assert full > 20 and fitted == 6, (full, fitted)


def test_memory_runs_out_at_the_nth_allocation():
    with Folder() as folder:
        faulty, refused, named = Faulty(folder), 0, 0
        for what in ("rm", "run", "gc", "pack", "unpack", "repair"):
            n, rounds = 1, 0
            while rounds < (400 if ALL else 14):
                faulty.prepare(what)
                code, problem, failed = faulty.run(what, f"malloc:{n}")
                if not failed:
                    break
                refused, rounds = refused + 1, rounds + 1
                named += code == 4
                faulty.works_again(what)
                n += max(1, n // 3 + (rounds * 37) % 11)
        print(f"    {refused} allocations refused, {named} of them said so")
        assert refused > 30, refused


def test_read_only_media_open_and_read_and_say_so_when_written():
    with Folder() as folder:
        faulty = Faulty(folder)
        # By permission, for a user to whom permissions apply.
        study = folder / "S"
        faulty.prepare("rm")
        sub = dict(user=65534, group=65534, extra_groups=[]) if os.getuid() == 0 else {}
        if sub:
            for path in [folder, *folder.rglob("*")]:
                path.chmod(0o755 if path.is_dir() else 0o644)
        for path in sorted(study.rglob("*"), reverse=True):
            path.chmod(0o555 if path.is_dir() else 0o444)
        study.chmod(0o555)

        def run(*words, code):
            env = {**os.environ, "HOME": "/nonexistent"}
            done = subprocess.run([str(BIN / "moescope-cli"), *map(str, words), "--json"], capture_output=True, text=True, env=env, cwd="/", **sub)
            assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
            return json.loads(done.stdout)

        try:
            readable = subprocess.run([str(BIN / "moescope-cli"), "--version"], capture_output=True, cwd="/", **sub).returncode == 0
        except PermissionError:
            readable = False
        if readable:
            assert [row["names"] for row in run("list", "--study", study, code=0)] == [["kept"]]
            assert run("study", "check", study, code=0)["sound"] is True
            run("show", "--study", study, "kept", code=0)
            for words in (["rm", "--study", study, "kept"], ["study", "gc", study], ["study", "undo", study], ["study", "repair", study],
                          ["run", "corpus.synthetic", "--study", study, "--set", "tokens=500"]):
                problem = run(*words, code=4)["error"]
                assert problem["kind"] == "environment" and "S" in problem["message"], problem
        for path in [study, *study.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)

        # By the file system, which also stops root: whatever would write is told so.
        if SHIM:
            for what in ("rm", "gc", "run", "undo"):
                faulty.prepare(what)
                code, problem, failed = faulty.run(what, f"any:1:{errno.EROFS}+")
                assert code == 4 and failed, (what, code)
                faulty.works_again(what)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    if not SHIM:
        print("no shim in this build (sanitizers): read-only media only")
        test_read_only_media_open_and_read_and_say_so_when_written()
        sys.exit(0)
    run_all(globals())
