# SPDX-License-Identifier: GPL-3.0-or-later
"""Two windows and a command line write to one study at the same time, and no edit is lost; bytes flipped anywhere in the
catalogue or in an artifact are a named error or harmless, never a crash, and the rest of the study stays of use.

    MOESCOPE_TORTURE=500     writes for 60 s instead of 6, and flips ten times as many bytes"""
import argparse
import json
import os
import random
import shutil
import subprocess
import threading
import time

from command import BIN, Folder, Serve, cli, counting_bin, run_all

TORTURE = "MOESCOPE_TORTURE" in os.environ
SECONDS = 60 if TORTURE else 6
random.seed(7)


def test_two_windows_and_a_command_line_lose_no_edit():
    with Folder() as folder:
        study = folder / "S"
        cli("study", "init", study)
        ids = [cli("run", "corpus.synthetic", "--study", study, "--set", "tokens=300", "--set", f"seed={seed}", "--json")["outputs"]["corpus"]["id"] for seed in (1, 2, 3)]
        end = time.monotonic() + SECONDS
        names, tags, notes, made, failures = {}, set(), {}, [], []

        def window(number):
            try:
                serve, count = Serve(study), 0
                while time.monotonic() < end:
                    count += 1
                    id = random.choice(ids)
                    name, tag, note = f"w{number}-{count}", f"t{number}-{count}", f"note {number} {count}"
                    for change in ({"edit": "name", "id": id, "name": name}, {"edit": "tag", "id": id, "tag": tag, "on": True},
                                   {"edit": "note", "id": ids[number], "note": note}):  # each window has a note of its own
                        answer = serve.ask("edit", change=change)
                        assert answer["type"] == "edited", answer
                    names[name], notes[ids[number]] = id, note
                    tags.add((id, tag))
                assert serve.end() == 0
            except Exception as problem:
                failures.append(problem)

        def command_line():
            try:
                seed = 100
                while time.monotonic() < end:
                    seed += 1
                    done = cli("run", "corpus.synthetic", "--study", study, "--set", "tokens=300", "--set", f"seed={seed}", "--name", f"c{seed}", "--json")
                    made.append((f"c{seed}", done["outputs"]["corpus"]["id"]))
            except Exception as problem:
                failures.append(problem)

        threads = [threading.Thread(target=window, args=(number,)) for number in (0, 1)] + [threading.Thread(target=command_line)]
        for thread in threads:
            thread.start()
        readings = 0
        while any(thread.is_alive() for thread in threads):
            rows = cli("list", "--study", study, "--json")  # a reader beside them
            assert len(rows) >= 3
            readings += 1
            time.sleep(0.05)
        assert not failures, failures
        serve = Serve(study)
        rows, since = {}, 0
        while True:
            answer = serve.ask("rows", since=0)
            rows |= {row["id"]: row for row in answer["rows"]}
            while answer["more"]:
                answer = serve.until(lambda message: message["type"] == "rows")
                rows |= {row["id"]: row for row in answer["rows"]}
            break
        for name, id in list(names.items()) + made:
            assert name in rows[id]["names"], f"the name {name} is lost"
        for id, tag in tags:
            assert tag in rows[id]["tags"], f"the tag {tag} is lost"
        for id, note in notes.items():
            assert rows[id]["note"] == note, (id, note, rows[id]["note"])
        serve.end()
        assert cli("study", "check", study, "--json")["sound"] is True
        print(f"    {len(names)} names, {len(tags)} tags, {len(made)} commands, {readings} readings in {SECONDS} s")
        assert len(names) > 10 and len(made) > 2


def run(*words):
    """Exit code, document and standard error of a command that may fail, but never crash."""
    done = subprocess.run([str(BIN / "moescope-cli"), *map(str, words), "--json"], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 2, 3, 4), (words, done.returncode, done.stdout[-2000:], done.stderr[-2000:])
    document = json.loads(done.stdout)
    if done.returncode:
        assert len(document["error"]["message"]) > 20, document
    return done.returncode, document


def flip(path, offset):
    with open(path, "r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ random.randint(1, 255)]))


def test_bytes_flipped_in_the_catalogue_are_named_or_harmless_and_repair_keeps_the_artifacts():
    with Folder() as folder:
        whole, study = folder / "whole", folder / "S"
        cli("study", "init", whole)
        for seed in (1, 2, 3):
            cli("run", "corpus.synthetic", "--study", whole, "--set", "tokens=300", "--set", f"seed={seed}", "--name", f"n{seed}")
        ids = {row["id"] for row in cli("list", "--study", whole, "--json")}
        size = (whole / "study.sqlite").stat().st_size
        assert not (whole / "study.sqlite-wal").exists() or not (whole / "study.sqlite-wal").stat().st_size
        named = harmless = 0
        # Every header field, then anywhere.
        for offset in [*range(0, 108, 9), *random.sample(range(108, size), 300 if TORTURE else 30)]:
            shutil.rmtree(study, ignore_errors=True)
            shutil.copytree(whole, study)
            flip(study / "study.sqlite", offset)
            code, found = run("study", "check", study)
            named, harmless = named + (code != 0), harmless + (code == 0)
            for words in (["list", "--study", study], ["show", "--study", study, "n1"], ["log", "--study", study], ["study", "info", study],
                          ["run", "corpus.synthetic", "--study", study, "--set", "tokens=300"], ["study", "gc", study, "--now"]):
                run(*words)
            code, done = run("study", "repair", study)
            if code:  # only what says another program or a newer schema is not repaired
                assert "schema" in done["error"]["message"] or "another program" in done["error"]["message"], (offset, done)
                continue
            assert run("study", "check", study)[0] == 0, offset
            left = {row["id"] for row in cli("list", "--study", study, "--all", "--json")}
            # gc was asked to remove what has no row; everything else must be there.
            assert len(left & ids) >= len(ids) - 1, (offset, left, ids)
        print(f"    {named} named, {harmless} harmless")
        assert named > 3


def test_bytes_flipped_in_artifacts_are_named_and_the_others_stay_of_use():
    with Folder() as folder:
        bin = counting_bin(folder)
        whole, study = folder / "whole", folder / "S"
        cli("study", "init", whole)
        cli("run", "corpus.synthetic", "--study", whole, "--set", "tokens=300", "--name", "other")
        cli("run", "test.count", "--study", whole, "--name", "result", bin=bin)
        cli("run", "test.run", "--study", whole, "--name", "run", bin=bin)
        cli("run", "test.trace", "--study", whole, "--name", "trace", "--set", "documents=4", bin=bin)
        cli("run", "load.balance", "--study", whole, "--in", "trace=trace", "--set", "draws=10", "--name", "balance")
        crashed = read = refused = 0
        for name in ("result", "run", "trace", "balance"):
            shown = cli("show", "--study", whole, name, "--json")
            files = [path for path in (whole / shown["path"] if not os.path.isabs(shown["path"]) else __import__("pathlib").Path(shown["path"]),)]
            files = [path for top in files for path in ([top] if top.is_file() else sorted(top.rglob("*.h5"))) if not path.name.startswith("timing")]
            for path in files:
                size = path.stat().st_size
                for offset in [0, 8, size - 1, *random.sample(range(size), 120 if TORTURE else 10)]:
                    shutil.rmtree(study, ignore_errors=True)
                    shutil.copytree(whole, study)
                    flip(study / path.relative_to(whole), offset)
                    code, found = run("study", "check", study)
                    assert code == 3 and shown["id"][:12] in json.dumps(found), (name, offset, found)
                    # Whatever reads it gives values or an error; a worker that HDF5 takes down is one failed job.
                    if name in ("result", "balance"):
                        value = "sum" if name == "result" else "cv"
                        done = subprocess.run([str(BIN / "moescope-cli"), "export", "--study", str(study), f"{name}:{value}", "--format", "json", "--out", "-"],
                                              capture_output=True, text=True, timeout=60)
                    else:
                        operation = ["load.balance", "--in", f"trace={name}"] if name == "trace" else ["corpus.synthetic"]
                        done = subprocess.run([str(BIN / "moescope-cli"), "run", *operation, "--study", str(study), "--fresh", "--json"], capture_output=True, text=True, timeout=60)
                    crashed += done.returncode not in (0, 2, 3, 4)
                    assert done.returncode in (0, 2, 3, 4), (name, offset, done.returncode, done.stderr[-1500:])
                    read, refused = read + (done.returncode == 0), refused + (done.returncode != 0)
                    assert cli("export", "--study", study, "balance:gini", "--format", "json", "--out", "-") if name != "balance" else True
        print(f"    {read} read, {refused} refused, {crashed} crashed")
        assert refused > 5


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    run_all(globals())
