# SPDX-License-Identifier: GPL-3.0-or-later
"""SIGKILL at every named commit point and at random moments, while a study is made, edited, written, collected, repaired,
packed out and moved to a newer schema. After each of them it opens, `study check` finds nothing, every edit that was
acknowledged is there, and the same command done again ends as it should.

    MOESCOPE_TORTURE=500     that many kills instead of 60 (about a second each)"""
import argparse
import json
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from command import Folder, Serve, counting_bin

SOURCE = Path(__file__).resolve().parents[2]
POINTS = re.findall(r'^ +"([a-z]+\.[a-z]+)",', (SOURCE / "core/base/commit_point.h").read_text(), re.M)
KILLS = int(os.environ.get("MOESCOPE_TORTURE", "60"))
OPENS_WITHIN = 3.0  # seconds; what is wanted is 1, on a machine that does nothing else
random.seed(20261125)

slowest_opening = 0.0
hits = dict.fromkeys(POINTS, 0)


def start(bin, words, stop=None):
    """A moescope-cli with MOESCOPE_STOP_AT, which its workers inherit."""
    env = dict(os.environ)
    if stop:
        env["MOESCOPE_STOP_AT"] = f"{stop[0]}:{stop[1]}"
    return subprocess.Popen([str(bin / "moescope-cli"), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)


def finish(bin, words, code=0):
    process = start(bin, words)
    out, errors = process.communicate(timeout=60)
    assert process.returncode == code, (words, process.returncode, out, errors)
    return json.loads(out) if "--json" in words and out else out


def sound(bin, study):
    """Opens within its time, and every file and row is as it should be."""
    global slowest_opening
    began = time.monotonic()
    rows = finish(bin, ["list", "--study", study, "--json", "--all"])
    took = time.monotonic() - began
    slowest_opening = max(slowest_opening, took)
    assert took < OPENS_WITHIN, f"opening took {took:.2f} s"
    finish(bin, ["study", "check", study, "--json"])
    return rows


class Scene:
    """One thing that is done to a study: `prepare` brings it about, `words` is the command that is killed, `again` is what
    a user types after that, and `after` says what must hold then."""

    def __init__(self, folder, bin):
        self.folder, self.bin, self.study = folder, bin, folder / "S"

    def prepare(self):
        pass

    def again(self):
        return self.words()

    def after_kill(self):
        sound(self.bin, self.study)

    def after(self):
        sound(self.bin, self.study)

    def kill(self, stop=None, delay=None):
        """Gives whether something was killed, and on its way out which point it passed."""
        self.prepare()
        process = start(self.bin, self.words(), stop)
        if delay is not None:
            try:
                process.wait(timeout=delay)
            except subprocess.TimeoutExpired:
                process.kill()
        out, errors = process.communicate(timeout=60)
        self.until_workers_ended()
        stopped = self.stopped(out + errors)
        killed = stopped is not None or process.returncode == -signal.SIGKILL
        assert killed or process.returncode == 0, (self.words(), process.returncode, out, errors)
        self.after_kill()
        finish(self.bin, self.again())
        self.after()
        return killed, stopped

    @staticmethod
    def stopped(text):
        found = re.search(r"stopped at ([a-z]+\.[a-z]+)", text)
        return found and found.group(1)

    def until_workers_ended(self):
        """A `run` that dies takes its worker along within 2 s."""
        end = time.monotonic() + 20
        while any(self.workers()):
            assert time.monotonic() < end, "a worker goes on without its run"
            time.sleep(0.01)

    def workers(self):
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    words = Path(f"/proc/{entry}/cmdline").read_bytes().split(b"\0")
                except OSError:
                    continue
                if words[0].startswith(bytes(self.bin)) and b"--request" in words:
                    yield int(entry)


class Commit(Scene):
    """A job of one short output."""
    number = 0
    operation, set, port = "corpus.synthetic", {"tokens": 400}, "corpus"

    def prepare(self):
        Commit.number += 1
        self.seed, self.name = Commit.number, f"n{Commit.number}"

    def words(self):
        chosen = {**self.set, "seed": self.seed} if self.operation != "test.run" else {**self.set, "steps": 20 + self.seed}
        return ["run", self.operation, "--study", self.study, "--name", self.name, "--json", *[f"--set={key}={value}" for key, value in chosen.items()]]

    def after(self):
        rows = sound(self.bin, self.study)
        assert [row["kind"] for row in rows if self.name in row["names"]], f"{self.name} is not there"
        assert not (self.study / "jobs").is_dir() or not list((self.study / "jobs").glob("*/*/content.h5"))


class Run(Commit):
    """A run written in segments: resumed, it is what a run that nobody killed writes."""
    operation, set = "test.run", {"every": 4, "pause": 1}

    def after(self):
        super().after()
        # The bytes of a run that was not killed, elsewhere.
        other = self.folder / "other"
        if not other.exists():
            finish(self.bin, ["study", "init", other])
        words = self.words()
        words[3] = other
        whole = finish(self.bin, words)["outputs"]["run"]["id"]
        here = finish(self.bin, ["show", "--study", self.study, self.name, "--json"])["id"]
        assert whole == here, "a resumed run differs from one that was not killed"


class Trace(Commit):
    operation, set = "test.trace", {"documents": 4}

    def words(self):
        return ["run", "test.trace", "--study", self.study, "--name", self.name, "--json", f"--set=tokens_per_document={20 + self.seed}"]


class Count(Commit):
    """A job that keeps its state: after a kill of its worker it goes on where it was."""
    operation, set = "test.count", {"steps": 60, "pause": 2}

    def kill(self, stop=None, delay=None):
        self.prepare()
        process = start(self.bin, self.words())
        state = lambda: [*self.study.glob("jobs/*/.state/count")]
        while not state() and process.poll() is None:
            time.sleep(0.002)
        time.sleep(random.uniform(0, 0.12))
        for worker in self.workers():
            os.kill(worker, signal.SIGKILL)
        out, errors = process.communicate(timeout=60)
        killed, resumable = process.returncode == 4, bool(state())
        assert process.returncode in (0, 4), (process.returncode, out, errors)
        self.after_kill()
        finish(self.bin, self.again())
        self.after()
        if killed and resumable:
            shown = finish(self.bin, ["show", "--study", self.study, self.name, "--json"])
            assert shown["summary"]["first"] > 1, "it began from the beginning"
        return killed, None


class Remove(Scene):
    """An edit from the command line."""

    def prepare(self):
        rows = [row for row in finish(self.bin, ["list", "--study", self.study, "--json"]) if row["names"]]
        if len(rows) < 3:
            scene = Commit(self.folder, self.bin)
            scene.prepare()
            finish(self.bin, scene.words())
            return self.prepare()
        self.row = random.choice(rows)

    def words(self):
        return ["rm", "--study", self.study, self.row["id"]]

    def again(self):
        gone = next(row for row in sound(self.bin, self.study) if row["id"] == self.row["id"])["state"] == "deleted"
        return ["list", "--study", self.study] if gone else self.words()

    def after(self):
        assert next(row for row in sound(self.bin, self.study) if row["id"] == self.row["id"])["state"] == "deleted"


class Collect(Remove):
    """gc of what was removed, and of what has no row."""

    def prepare(self):
        super().prepare()
        finish(self.bin, super().words())
        stray = self.study / "corpora" / ("%064x" % random.getrandbits(255))
        stray.mkdir(parents=True)
        (stray / "part").write_text("no row says what this is")
        self.stray = stray

    def words(self):
        return ["study", "gc", self.study, "--now"]

    def again(self):
        return self.words()

    def after(self):
        rows = sound(self.bin, self.study)
        assert not self.stray.exists() and not list((self.study / "scratch").glob("collected-*"))
        assert next(row for row in rows if row["id"] == self.row["id"])["state"] == "evicted"


class Fresh(Scene):
    """What happens to a study of its own, made anew each time."""
    place = "T"

    def prepare(self):
        shutil.rmtree(self.folder / "T", ignore_errors=True)
        self.study = self.folder / "T"


class Create(Fresh):
    def words(self):
        return ["study", "init", self.study]

    def after_kill(self):
        if (self.study / "study.sqlite").exists():
            sound(self.bin, self.study)

    def again(self):
        return ["list", "--study", self.study] if (self.study / "study.sqlite").exists() else self.words()


class Unpack(Fresh):
    def prepare(self):
        super().prepare()
        self.file = self.folder / "s.tar"
        if not self.file.exists():
            finish(self.bin, ["study", "pack", self.folder / "S", "--out", self.file])

    def words(self):
        return ["study", "unpack", self.study, "--from", self.file]

    def after_kill(self):
        if self.study.exists():
            sound(self.bin, self.study)

    def again(self):
        return ["list", "--study", self.study] if self.study.exists() else self.words()

    def after(self):
        sound(self.bin, self.study)
        assert not list(self.folder.glob("T.unpacking-*"))


class Repair(Fresh):
    """A damaged catalogue and a file without a row: whenever the repair is killed, the next one ends it."""

    def prepare(self):
        super().prepare()
        shutil.copytree(self.folder / "whole", self.study)
        with open(self.study / "study.sqlite", "r+b") as file:
            file.write(b"\xff" * 4096)
        text = "rescue me"
        id = _id_of(text)
        (self.study / "traces" / id).mkdir(parents=True)
        (self.study / "traces" / id / "part").write_text(text)
        self.orphan = id

    def words(self):
        return ["study", "repair", self.study]

    def after_kill(self):
        pass  # it was damaged before, and may still be

    def after(self):
        rows = sound(self.bin, self.study)
        assert self.orphan in [row["id"] for row in rows]
        assert {"kept", "other"} <= {name for row in rows for name in row["names"]}, "rows that could be read were lost"


def _id_of(text):
    import hashlib
    sha = lambda data: hashlib.sha256(data).hexdigest()
    return sha(f"part {sha(text.encode())}\n".encode())


class Migrate(Fresh):
    """An older study: the copy of its catalogue is whole or not there."""

    def prepare(self):
        super().prepare()
        self.study.mkdir()
        connection = sqlite3.connect(self.study / "study.sqlite")
        connection.executescript("PRAGMA application_id = 0x4D4F4553; PRAGMA user_version = 0; VACUUM")
        connection.close()

    def words(self):
        return ["run", "corpus.synthetic", "--study", self.study, "--set", "tokens=400", "--name", "c"]

    def after_kill(self):
        pass

    def after(self):
        sound(self.bin, self.study)
        copy = sqlite3.connect(self.study / "study.sqlite.schema0")
        assert copy.execute("PRAGMA application_id").fetchone()[0] == 0x4D4F4553
        copy.close()


class Serving(Scene):
    """A window's supervisor that is killed."""

    def serve(self, stop=None):
        old = os.environ.pop("MOESCOPE_STOP_AT", None)
        if stop:
            os.environ["MOESCOPE_STOP_AT"] = f"{stop[0]}:{stop[1]}"
        errors = tempfile.TemporaryFile()
        saved = os.dup(2)
        os.dup2(errors.fileno(), 2)
        try:
            serve = Serve(None, self.bin)
        finally:
            os.dup2(saved, 2)
            os.close(saved)
            os.environ.pop("MOESCOPE_STOP_AT", None)
            if old:
                os.environ["MOESCOPE_STOP_AT"] = old
        serve.errors = errors
        return serve

    def kill(self, stop=None, delay=None):
        self.prepare()
        serve = self.serve(stop)
        self.deadline = time.monotonic() + delay if delay is not None else None
        try:
            serve.ask("hello", study=str(self.study))
            self.act(serve)
        except (BrokenPipeError, AssertionError):
            pass
        alive = serve.process.poll() is None
        if alive and delay is not None:
            serve.kill()
        elif alive:
            serve.end()
        else:
            serve.process.wait()
        self.until_workers_ended()
        serve.errors.seek(0)
        text = serve.errors.read().decode(errors="replace") + str(serve.seen)  # what a worker printed is in its epitaph
        stopped = self.stopped(text)
        self.after_kill()
        self.after()
        return stopped is not None or delay is not None, stopped


class Edit(Serving):
    """Names, tags, notes, removals, undo and redo, one after the other; each answered edit must be there afterwards."""

    def prepare(self):
        rows = [row for row in finish(self.bin, ["list", "--study", self.study, "--json"])]
        while len(rows) < 2:
            scene = Commit(self.folder, self.bin)
            scene.prepare()
            finish(self.bin, scene.words())
            rows = [row for row in finish(self.bin, ["list", "--study", self.study, "--json"])]
        self.id = random.choice(rows)["id"]
        self.acknowledged, self.note, self.removing = [], None, None

    def act(self, serve):
        for round in range(10**6 if self.deadline else 12):
            number = random.getrandbits(32)
            for field, change in (("name", {"edit": "name", "id": self.id, "name": f"e{number}"}),
                                  ("tag", {"edit": "tag", "id": self.id, "tag": f"t{number}", "on": True}),
                                  ("note", {"edit": "note", "id": self.id, "note": f"note {number}"})):
                if self.deadline and time.monotonic() > self.deadline:
                    return serve.kill()
                self.note = None  # not known until it is answered
                assert serve.ask("edit", change=change)["type"] == "edited"
                self.acknowledged.append((field, change[field]))
                self.note = next((value for kind, value in reversed(self.acknowledged) if kind == "note"), None)
            # A removal that is taken back is two edits more, and leaves what was there.
            for change in ({"edit": "remove", "id": self.id}, {"edit": "undo"}, {"edit": "undo"}, {"edit": "redo"}):
                if self.deadline and time.monotonic() > self.deadline:
                    return serve.kill()
                self.removing = change
                assert serve.ask("edit", change=change)["type"] == "edited"
            self.removing = None

    def after(self):
        serve = Serve(self.study, self.bin)
        row = next(row for row in serve.ask("rows", since=0)["rows"] if row["id"] == self.id)
        serve.end()
        for field, value in self.acknowledged:
            if field != "note":  # a name and a tag are added, a note takes the place of the one before
                assert value in row[field + "s"], f"{field} {value} was acknowledged and is lost: {row[field + 's']}"
        # The second undo takes the note back, so between it and redo the one before may be there.
        if self.note and self.removing is None:
            assert row["note"] == self.note, (self.note, row["note"])
        if row["state"] == "deleted":
            assert self.removing is not None, "it was removed though its removal was undone"
            finish(self.bin, ["study", "undo", self.study])


class Preview(Serving):
    number = 0

    def act(self, serve):
        Preview.number += 1
        serve.submit(f"p{os.getpid()}-{Preview.number}", "corpus.synthetic", set={"tokens": 300 + Preview.number}, keep=False)
        serve.last_word(f"p{os.getpid()}-{Preview.number}", timeout=30)


# Which scenes pass which points; a scene that passes a point several times is also killed at a later passing.
SCENES = {
    "catalogue.drafted": [Create], "catalogue.linked": [Create], "catalogue.copied": [Migrate],
    "change.made": [Edit, Remove, Commit], "change.committed": [Edit, Remove, Commit],
    "file.written": [Commit], "file.renamed": [Commit],
    "segment.written": [Run, Trace], "segment.renamed": [Run, Trace], "segments.merged": [Run],
    "output.synced": [Commit, Run], "output.placed": [Commit, Trace], "output.filed": [Commit, Trace], "output.committed": [Commit],
    "garbage.evicted": [Collect], "garbage.taken": [Collect], "garbage.counted": [Collect],
    "preview.moved": [Preview],
    "repair.rebuilt": [Repair], "repair.putaside": [Repair], "repair.replaced": [Repair], "repair.adopted": [Repair],
    "unpack.written": [Unpack], "unpack.checked": [Unpack],
}
RANDOM = [Commit, Run, Count, Edit, Collect, Trace, Edit, Remove, Unpack]


def typical(scene, folder, bin):
    """How long the command takes when nobody kills it."""
    one = scene(folder, bin)
    one.prepare()
    began = time.monotonic()
    finish(bin, one.words())
    return time.monotonic() - began


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    assert set(SCENES) == set(POINTS), f"points without a scene, or scenes without a point: {set(SCENES) ^ set(POINTS)}"
    began = time.monotonic()
    with Folder() as folder:
        bin = counting_bin(folder)
        for study in ("S", "whole"):
            finish(bin, ["study", "init", folder / study])
            for name, seed in (("kept", 1000), ("other", 1001)):
                finish(bin, ["run", "corpus.synthetic", "--study", folder / study, "--set", "tokens=400", "--set", f"seed={seed}", "--name", name])
        kills = 0
        for point in POINTS:
            for scene in SCENES[point]:
                killed, stopped = scene(folder, bin).kill(stop=(point, 1))
                kills += killed
                hits[point] += stopped == point
        times = {scene: typical(scene, folder, bin) for scene in set(RANDOM) - {Edit, Count}}
        while kills < KILLS:
            if random.random() < 0.25:
                point = random.choice(POINTS)
                killed, stopped = random.choice(SCENES[point])(folder, bin).kill(stop=(point, random.randint(1, 6)))
                hits[point] += stopped == point
            else:
                scene = random.choice(RANDOM)
                killed, _ = scene(folder, bin).kill(delay=random.uniform(0, times.get(scene, 0.3)))
            kills += killed
        rows = sound(bin, folder / "S")
    for point in POINTS:
        print(f"{hits[point]:4}  {point}")
    print(f"{kills} kills, {len(rows)} artifacts, opened in at most {1000 * slowest_opening:.0f} ms, {time.monotonic() - began:.0f} s in all")
    never = [point for point in POINTS if not hits[point]]
    assert not never, f"never stopped at {', '.join(never)}"


if __name__ == "__main__":
    sys.exit(main())
