# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong use, bad input and a hostile environment: a named error, the exit code of the contract, nothing lost."""
import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import time

from command import BIN, TORCH, Folder, cli, counting_bin, error, run_all, texts


def small_study(folder):
    study = folder / "S"
    cli("study", "init", study)
    cli("run", "corpus.synthetic", "--study", study, "--set", "tokens=2000", "--name", "c")
    return study


def test_wrong_use_is_named_with_the_nearest_right_word():
    with Folder() as folder:
        study, bin = small_study(folder), counting_bin(folder)
        run = lambda *words: error("run", *words, "--study", study, code=2, bin=bin)["message"]
        assert "did you mean corpus.import?" in run("corpus.imprt")
        assert "did you mean tokens?" in run("corpus.synthetic", "--set", "token=5")
        assert "did you mean crash?" in run("test.count", "--set", "end=crsh")
        assert "no input corpus" in run("corpus.synthetic", "--in", "corpus=c")
        assert "from 1 to 1000000" in run("test.count", "--set", "steps=0")
        for value in ("nan", "inf", "many", "", "1.5", "[1]", "1e400"):
            assert "steps" in run("test.count", "--set", f"steps={value}")
        for value in ("nan", "-inf", "NaN", "much"):
            assert "add" in run("test.count", "--set", f"add={value}")
        assert "NAME=VALUE" in run("test.count", "--set", "steps")
        assert "NAME=VALUE" in run("test.count", "--in", "=c")
        assert "device" in run("test.count", "--device", "abacus")
        error("run", "test.count", "--study", study, "--threads", "many", code=2, bin=bin)
        error("run", code=2)
        error("paint", code=2)
        error(code=2)
        error("study", "explode", study, code=2)
        error("list", code=2)
        error("show", "--study", study, "d", code=2)
        error("show", "--study", study, "0" * 64, code=2)
        assert [row["names"] for row in cli("list", "--study", study, "--json")] == [["c"]]


def test_an_artifact_of_the_wrong_kind_is_wrong_use():
    operations = {operation["id"]: operation for operation in cli("operations", "--json")}
    of_trace = [id for id, operation in operations.items() if [port["kind"] for port in operation["in"] if not port.get("optional")] == ["trace"]]
    with Folder() as folder:
        study = small_study(folder)
        for operation in of_trace:
            port = operations[operation]["in"][0]["name"]
            assert "c is a corpus" in error("run", operation, "--study", study, "--in", f"{port}=c", code=2)["message"]
            assert "needs a trace" in error("run", operation, "--study", study, code=2)["message"]


def test_missing_paths_are_bad_input_and_named():
    with Folder() as folder:
        study = small_study(folder)
        gone = str(folder / "gone")
        assert error("run", "corpus.import", "--study", study, "--set", f"path={gone}", code=3)["file"] == gone
        assert error("run", "corpus.synthetic", "--study", study, "--set", f"tokens=@{gone}", code=3)["file"] == gone
        assert error("run", "corpus.synthetic", "--study", study, "--events", gone, code=3)["file"] == gone
        assert error("recipe", gone, "--study", study, code=3)["file"] == gone
        broken = folder / "broken.json"
        broken.write_text('[{"step":1,')
        assert error("run", "corpus.synthetic", "--study", study, "--events", broken, code=3)["offset"] >= 11


def test_a_folder_that_is_no_study():
    with Folder() as folder:
        empty = folder / "empty"
        empty.mkdir()
        (folder / "file").write_text("text")
        for wrong in (empty, folder / "nowhere", folder / "file"):
            for words in (["list", "--study", wrong], ["study", "info", wrong], ["run", "corpus.synthetic", "--study", wrong]):
                error(*words, code=3)
        torn = folder / "torn"
        torn.mkdir()
        (torn / "study.sqlite").write_bytes(b"SQLite format 3\0" + os.urandom(500))
        error("list", "--study", torn, code=3)
        stranger = folder / "stranger"
        stranger.mkdir()
        sqlite3.connect(stranger / "study.sqlite").execute("create table t (x)").connection.commit()
        error("list", "--study", stranger, code=3)


def test_a_newer_study_is_refused_with_both_versions():
    with Folder() as folder:
        study = small_study(folder)
        connection = sqlite3.connect(study / "study.sqlite")
        connection.execute("pragma user_version = 7")
        connection.commit()
        connection.close()
        message = error("list", "--study", study, code=3)["message"]
        assert "7" in message and "1" in message, message
        error("run", "corpus.synthetic", "--study", study, code=3)


def test_a_study_that_another_host_holds_is_read_only():
    with Folder() as folder:
        study = small_study(folder)
        (study / "lock").write_text('{"boot":"00000000-0000-0000-0000-000000000000","host":"elsewhere"}')
        message = error("run", "corpus.synthetic", "--study", study, "--set", "seed=3", code=4)["message"]
        assert "elsewhere" in message, message
        assert error("rm", "--study", study, "c", code=4)
        assert len(cli("list", "--study", study, "--json")) == 1
        old = 1_000_000_000
        os.utime(study / "lock", (old, old))  # not renewed for 2 minutes: it does not count
        cli("run", "corpus.synthetic", "--study", study, "--set", "seed=3")


def test_a_worker_that_is_not_there_is_the_environment():
    with Folder() as folder:
        study, bin = small_study(folder), counting_bin(folder)
        (bin / "moescope-worker").unlink()
        assert "moescope-worker" in error("run", "test.count", "--study", study, code=4, bin=bin)["message"]
        (bin / "moescope-worker").write_text("no program\n")
        (bin / "moescope-worker").chmod(0o755)
        error("run", "test.count", "--study", study, code=4, bin=bin)


def test_a_worker_killed_on_its_way_loses_nothing_that_was_kept():
    with Folder() as folder:
        study, bin = small_study(folder), counting_bin(folder)
        error("run", "test.count", "--study", study, "--set", "steps=5", "--set", "end=crash", code=70, bin=bin)
        error("run", "test.count", "--study", study, "--set", "steps=5", "--set", "end=memory", code=4, bin=bin)
        error("run", "test.count", "--study", study, "--set", "steps=5", "--set", "end=throw", code=70, bin=bin)
        assert cli("study", "check", study, "--json")["sound"] is True
        assert len(cli("list", "--study", study, "--json")) == 1


def test_a_full_disk_is_the_environment_and_loses_nothing():
    with Folder() as folder:
        study = small_study(folder)
        request = ["run", "corpus.synthetic", "--study", study, "--set", "tokens=4000000", "--name", "large"]
        # A limit on the size of files is what a full disk looks like to a write, without needing a disk.
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        done = subprocess.run([str(BIN / "moescope-cli"), *map(str, request), "--json"], capture_output=True, text=True, preexec_fn=limit)
        assert done.returncode == 4, (done.returncode, done.stdout, done.stderr)
        assert json.loads(done.stdout)["error"]["kind"] == "environment"
        assert cli("study", "check", study, "--json")["sound"] is True
        assert [row["names"] for row in cli("list", "--study", study, "--json")] == [["c"]]
        assert cli(*request, "--json")["outputs"]["corpus"]["name"] == "large"


def kill_worker_of(words, bin, after):
    """Starts a run, kills its worker once after() holds, gives the run's exit code and error."""
    process = subprocess.Popen([str(bin / "moescope-cli"), *map(str, words), "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 120
    while not after():
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.02)
    worker = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    os.kill(int(worker[0]), signal.SIGKILL)
    out, _ = process.communicate(timeout=60)
    return process.returncode, json.loads(out)["error"]


def test_a_killed_worker_is_named_and_the_next_run_resumes():
    with Folder() as folder:
        study, bin = small_study(folder), counting_bin(folder)
        request = ["run", "test.count", "--study", study, "--set", "steps=100", "--set", "pause=20", "--name", "r"]
        code, failure = kill_worker_of(request, bin, lambda: len([*study.glob("jobs/*/.state/count")]) and time.sleep(0.5) is None)
        assert code == 4 and failure["kind"] == "environment" and "signal 9" in failure["message"], failure
        cli(*request, bin=bin)
        assert cli("show", "--study", study, "r", "--json")["summary"]["first"] > 1
        assert json.loads(cli("export", "--study", study, "r:sum", "--format", "json", "--out", "-"))["values"] == 100


def test_a_killed_training_resumes_to_the_same_model():
    if not TORCH:
        return  # the counting job above is the same test on machines without LibTorch
    with Folder() as folder:
        study = folder / "S"
        texts(folder / "texts")
        cli("study", "init", study)
        cli("run", "corpus.import", "--study", study, "--set", f"path={folder / 'texts'}", "--name", "text")
        small = {"layers": 2, "hidden": 32, "heads": 2, "experts": 4, "expert_width": 32, "length": 64, "batch": 4, "steps": 120, "seed": 5}
        request = ["run", "train.lm", "--study", study, "--in", "corpus=text", "--threads", 1]
        for key, value in small.items():
            request += ["--set", f"{key}={value}"]
        started = lambda: [*study.glob("jobs/*/messages")] and any(b'"metrics"' in path.read_bytes() for path in study.glob("jobs/*/messages"))
        code, failure = kill_worker_of(request, BIN, started)
        assert code == 4 and "signal 9" in failure["message"], failure
        resumed = cli(*request, "--name", "toy", "--json")["outputs"]
        fresh = cli(*request, "--fresh", "--json")
        assert fresh["outputs"]["model"]["id"] == resumed["model"]["id"]
        assert cli("study", "check", study, "--json")["sound"] is True


def test_damage_is_found_and_named():
    with Folder() as folder:
        study = small_study(folder)
        corpus = cli("show", "--study", study, "c", "--json")
        victim = os.path.join(corpus["path"], corpus["files"][0])
        shutil.move(victim, victim + ".away")
        found = error("study", "check", study, code=3)
        assert corpus["id"][:12] in found["file"] or corpus["id"][:12] in found["message"], found


if __name__ == "__main__":
    run_all(globals())
