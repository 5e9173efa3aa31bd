# SPDX-License-Identifier: GPL-3.0-or-later
"""`moescope-cli serve` (contract section 6): jobs outlive the supervisor, cancel touches one job, garbage is answered."""
import json
import os
import subprocess
import time

from command import BIN, TORCH, Folder, Serve, cli, counting_bin, run_all, steps_of, texts


def counting(folder):
    study, bin = folder / "S", counting_bin(folder)
    cli("study", "init", study)
    return study, bin


def worker_processes(folder):
    """Numbers of living processes that run a program of this test's folder as a worker."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                words = open(f"/proc/{entry}/cmdline", "rb").read().split(b"\0")
            except OSError:
                continue
            if words[0].startswith(str(folder).encode()) and b"--request" in words:
                found.append(int(entry))
    return found


def outlive(study, bin, long_job, other_job, steps, model_port):
    """Kills a supervisor under a running job, finds the job again with another, cancels a second job beside it."""
    first = Serve(study, bin)
    assert first.submit("long", **long_job)["type"] == "accepted"
    first.until(lambda message: message["type"] == "metrics", timeout=120)
    first.kill()

    second = Serve(study, bin)
    jobs = {job["job"]: job for job in second.hello["jobs"]}
    assert jobs["long"]["state"] == "running" and jobs["long"]["operation"] == long_job["operation"], jobs
    assert second.ask("attach", job="long", from_step=0)["type"] == "accepted"
    second.submit("other", **other_job)
    second.send("cancel", job="other")
    other = second.last_word("other")
    assert other["type"] == "failed" and other["error"]["kind"] == "cancelled", other
    done = second.last_word("long", timeout=300)
    assert done["type"] == "done", done
    seen = steps_of(second.seen, "long")
    assert seen == list(range(seen[0], seen[0] + steps)), f"a gap: {seen}"
    rows = cli("list", "--study", study, "--json")
    assert any(row["id"] == done["outputs"][model_port]["id"] for row in rows)
    assert cli("study", "check", study, "--json")["sound"] is True
    assert second.end() == 0


def test_a_counting_job_outlives_its_supervisor():
    with Folder() as folder:
        study, bin = counting(folder)
        outlive(study, bin, dict(operation="test.count", set={"steps": 120, "pause": 20}),
                dict(operation="test.count", set={"steps": 5000, "pause": 20}), 120, "result")


def test_a_training_outlives_its_supervisor():
    if not TORCH:
        return  # the counting job above is the same test on machines without LibTorch
    with Folder() as folder:
        study = folder / "S"
        texts(folder / "texts")
        cli("study", "init", study)
        cli("run", "corpus.import", "--study", study, "--set", f"path={folder / 'texts'}", "--name", "text")
        small = {"layers": 2, "hidden": 32, "heads": 2, "experts": 4, "expert_width": 32, "length": 64, "batch": 4}
        outlive(study, BIN, dict(operation="train.lm", inputs={"corpus": "text"}, set={**small, "steps": 150}),
                dict(operation="train.lm", inputs={"corpus": "text"}, set={**small, "steps": 5000}), 150, "model")


def test_jobs_go_on_when_the_window_goes():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        serve.submit("j", "test.count", set={"steps": 100, "pause": 20}, name="r")
        serve.until(lambda message: message["type"] == "metrics")
        assert serve.end() == 0
        assert worker_processes(folder)
        end = time.monotonic() + 20
        while worker_processes(folder) and time.monotonic() < end:
            time.sleep(0.05)
        assert cli("list", "--study", study, "--json")[0]["names"] == ["r"]
        # What ended meanwhile can still be asked for, step by step.
        late = Serve(study, bin)
        late.ask("attach", job="j", from_step=91)
        assert late.last_word("j")["type"] == "done"
        assert steps_of(late.seen, "j") == list(range(91, 101))
        late.end()


def test_cancel_asks_then_terminates_then_kills_one_worker_only():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        serve.submit("hang", "test.quick", set={"steps": 1, "end": "hang"})
        serve.submit("good", "test.quick", set={"steps": 200, "pause": 30})
        heard = set()
        serve.until(lambda message: message["type"] == "metrics" and (heard.add(message["job"]) or heard == {"good", "hang"}))
        time.sleep(0.3)
        start = time.monotonic()
        serve.send("cancel", job="hang")
        assert serve.last_word("hang")["error"]["kind"] == "cancelled"
        assert 3.5 < time.monotonic() - start < 6
        assert serve.last_word("good")["type"] == "done"
        serve.end()


def test_crashes_and_exceptions_are_one_failed_job_each():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        for number, (how, kind) in enumerate({"crash": "bug", "memory": "environment", "throw": "bug"}.items()):
            serve.submit(how, "test.quick", set={"steps": 2, "seed": number, "end": how})
            failed = serve.last_word(how)
            assert failed["type"] == "failed" and failed["error"]["kind"] == kind, failed
        serve.submit("after", "test.quick", set={"steps": 2})
        assert serve.last_word("after")["type"] == "done"
        states = {job["job"]: job["state"] for job in cli("log", "--study", study, "--json")}
        assert states == {"crash": "failed", "memory": "failed", "throw": "failed", "after": "done"}, states
        serve.end()


def test_one_training_per_device_at_a_time():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        for job in ("a", "b"):
            serve.submit(job, "test.count", set={"steps": 30, "pause": 20, "seed": ord(job)})
        serve.last_word("a")
        assert steps_of(serve.seen, "b") == []
        serve.last_word("b")
        assert steps_of(serve.seen, "b") == list(range(1, 31))
        serve.end()


def test_a_running_request_is_joined_and_a_present_one_is_cached():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        asked = dict(operation="test.count", set={"steps": 40, "pause": 20})
        serve.submit("a", **asked)
        joined = serve.submit("b", **asked)
        assert joined["joined"] == "a", joined
        serve.send("cancel", job="b")  # who joined leaves; the job goes on
        assert serve.last_word("b")["type"] == "failed"
        serve.submit("c", **asked)
        ids = {serve.last_word(job)["outputs"]["result"]["id"] for job in ("a", "c")}
        assert len(ids) == 1
        cached = serve.submit("d", **asked)
        assert cached["cached"] is True
        assert serve.last_word("d")["outputs"]["result"]["cached"] is True
        assert len(cli("log", "--study", study, "--json")) == 1
        serve.end()


def test_a_request_that_another_process_runs_is_joined():
    with Folder() as folder:
        study, bin = counting(folder)
        words = [str(bin / "moescope-cli"), "run", "test.count", "--study", str(study), "--set", "steps=60", "--set", "pause=30", "--json"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(0.6)
        serve = Serve(study, bin)
        assert [job["state"] for job in serve.hello["jobs"]] == ["running"]
        accepted = serve.submit("mine", "test.count", set={"steps": 60, "pause": 30})
        assert accepted["joined"], accepted
        done = serve.last_word("mine")
        out, _ = process.communicate(timeout=30)
        assert json.loads(out)["outputs"]["result"]["id"] == done["outputs"]["result"]["id"]
        serve.end()


def test_the_latest_request_of_a_view_wins_and_previews_are_not_filed():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        serve.submit("old", "test.quick", set={"steps": 5000, "pause": 10}, view="load", keep=False)
        serve.until(lambda message: message["type"] == "metrics")
        serve.submit("new", "test.quick", set={"steps": 3}, view="load", keep=False)
        done = serve.last_word("new")
        assert any(message["type"] == "withdrawn" and message["job"] == "old" for message in serve.seen)
        output = done["outputs"]["result"]
        assert output["kept"] is False and os.path.exists(output["path"])
        assert cli("list", "--study", study, "--json") == []
        part = serve.ask("get", id=output["id"])
        assert part["type"] == "part" and part["raw"] == open(output["path"], "rb").read()
        assert serve.submit("again", "test.quick", set={"steps": 3}, view="load", keep=False)["cached"] is True
        serve.end()


def test_previews_are_inputs_like_any_other_and_are_filed_once_something_kept_uses_them():
    """The way of a prompt through the Tokens page, as far as it needs no LibTorch."""
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        serve.submit("text", "corpus.import", set={"text": "some words of a prompt", "validation": 0}, view="tokens", keep=False)
        corpus = serve.last_word("text")["outputs"]["corpus"]
        assert corpus["kept"] is False and cli("list", "--study", study, "--json") == []
        serve.submit("look", "test.read", inputs={"corpus": corpus["id"]}, view="tokens", keep=False)
        look = serve.last_word("look")["outputs"]["result"]
        assert cli("list", "--study", study, "--json") == []
        serve.submit("kept", "test.read", inputs={"corpus": corpus["id"]}, name="r")
        kept = serve.last_word("kept")["outputs"]["result"]
        assert kept["id"] == look["id"] and kept["cached"] is False
        rows = {row["id"]: row["kind"] for row in cli("list", "--study", study, "--json")}
        assert rows == {corpus["id"]: "corpus", kept["id"]: "result"}, rows
        assert cli("study", "check", study, "--json")["sound"] is True
        assert [step["operation"] for step in cli("log", "--study", study, "r", "--json")] == ["corpus.import", "test.read"]
        serve.end()


def test_events_change_a_running_job_and_are_recorded():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        serve.submit("j", "test.count", set={"steps": 80, "pause": 20})
        serve.until(lambda message: message["type"] == "metrics")
        assert "did you mean add?" in serve.ask("event", job="j", event={"set": {"ad": 3}})["error"]["message"]
        assert serve.ask("event", job="j", event={"set": {"add": 5000}})["type"] == "error"
        assert serve.ask("event", job="j", event={"set": {"add": 100}})["type"] == "accepted"
        assert serve.ask("event", job="j", event={"snapshot": True})["type"] == "accepted"
        snapshot = serve.until(lambda message: message["type"] == "artifact")
        assert snapshot["final"] is False and snapshot["port"] == "result"
        kept = cli("show", "--study", study, snapshot["id"], "--json")
        assert kept["state"] == "present" and kept["summary"]["step"] > 1, kept
        done = serve.last_word("j")
        shown = cli("show", "--study", study, done["outputs"]["result"]["id"], "--json")
        (event,) = shown["request"]["events"]
        assert event["set"] == {"add": 100}
        # The same request with its events, headless, is that very result.
        (folder / "events.json").write_text(json.dumps([event]))
        again = cli("run", "test.count", "--study", study, "--set", "steps=80", "--set", "pause=20", "--events", folder / "events.json",
                    "--fresh", "--json", bin=bin)
        assert again["reproduced"] is True
        serve.end()


def test_a_job_of_another_process_can_be_changed_and_its_end_is_told():
    with Folder() as folder:
        study, bin = counting(folder)
        words = [str(bin / "moescope-cli"), "run", "test.count", "--study", str(study), "--set", "steps=60", "--set", "pause=30", "--json"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        time.sleep(0.6)
        serve = Serve(study, bin)
        (job,) = [job["job"] for job in serve.hello["jobs"]]
        assert serve.ask("event", job=job, event={"set": {"add": 100}})["type"] == "accepted"
        done = serve.last_word(job)
        out, _ = process.communicate(timeout=30)
        assert done["type"] == "done", done
        assert json.loads(out)["outputs"]["result"]["id"] == done["outputs"]["result"]["id"]
        serve.end()


def test_metrics_come_at_most_ten_times_a_second_with_every_step():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        serve.submit("j", "test.count", set={"steps": 1500, "pause": 1})
        serve.last_word("j")
        assert steps_of(serve.seen, "j") == list(range(1, 1501))
        times = [message["at"] for message in serve.seen if message["type"] == "metrics"][:-1]
        assert len(times) <= 10 * (times[-1] - times[0]) + 2, (len(times), times[-1] - times[0])
        serve.end()


def test_rows_edits_and_parts():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        serve.submit("j", "test.count", set={"steps": 2}, name="r")
        done = serve.last_word("j")["outputs"]["result"]
        assert done["name"] == "r"
        rows = serve.ask("rows", since=0)
        assert [row["id"] for row in rows["rows"]] == [done["id"]] and rows["more"] is False
        assert rows["rows"][0]["request"]["operation"] == "test.count" and rows["rows"][0]["inputs"] == []
        assert serve.ask("rows", since=rows["revision"])["rows"] == []
        assert serve.ask("edit", change={"edit": "name", "id": done["id"], "name": "better"})["type"] == "edited"
        assert serve.ask("edit", change={"edit": "tag", "id": done["id"], "tag": "paper", "on": True})["type"] == "edited"
        assert serve.ask("edit", change={"edit": "note", "id": done["id"], "note": "the good one"})["type"] == "edited"
        row = serve.ask("rows", since=rows["revision"])["rows"][0]
        assert "better" in row["names"] and row["tags"] == ["paper"] and row["note"] == "the good one"
        assert serve.ask("edit", change={"edit": "remove", "id": done["id"]})["type"] == "edited"
        assert serve.ask("rows", since=0)["rows"][0]["state"] == "deleted"
        assert serve.ask("edit", change={"edit": "undo"})["type"] == "edited"
        assert serve.ask("rows", since=0)["rows"][0]["state"] == "present"
        assert serve.ask("edit", change={"edit": "explode"})["type"] == "error"
        part = serve.ask("get", id="better")
        assert part["offset"] == 0 and part["total"] == len(part["raw"]) and part["raw"][:4] == b"\x89HDF" and part["more"] is False
        assert serve.ask("get", id="nobody")["error"]["kind"] == "usage"
        # What another process does is told unasked.
        cli("run", "corpus.synthetic", "--study", study, "--set", "tokens=2000", "--name", "c")
        told = serve.until(lambda message: message["type"] == "rows" and "seq" not in message and any("c" in row["names"] for row in message["rows"]))
        assert told["revision"] > rows["revision"]
        serve.end()


def test_garbage_is_answered_and_the_next_message_works():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(None, bin)
        assert serve.ask("rows", since=0)["error"]["kind"] == "usage"  # before hello
        assert serve.ask("hello", study=str(folder / "nothing"))["error"]["kind"] == "input"
        assert serve.ask("hello", study=str(study))["type"] == "hello"
        for junk in (b"\xff\xfe\x00garbage\n", b"[]\n", b"{\n", b'{"seq":77}\n', b"x" * (3 << 20) + b"\n", b"[" * 100000 + b"\n"):
            serve.raw(junk)
            assert serve.until(lambda message: message["type"] == "error")["error"]["kind"] == "usage"
        assert serve.ask("teapot")["error"]["kind"] == "usage"
        for wrong in ({}, {"job": "x"}, {"job": "../x", "request": {"operation": "test.count"}}, {"job": "x", "request": {"operation": "test.cuont"}},
                      {"job": "x", "request": {"operation": "test.count", "set": {"steps": 0}}}, {"job": "x", "request": 3}):
            assert serve.ask("submit", **wrong)["error"]["kind"] == "usage"
        for type in ("cancel", "attach", "event", "metrics", "edit", "get"):
            assert serve.ask(type)["type"] == "error" and serve.ask(type, job="nobody", id="nobody", event={}, rate=1)["type"] == "error"
        assert serve.ask("rows", since=0, unknown_field=[1, {"a": None}])["type"] == "rows"
        serve.raw(b'{"type":"rows","seq":900,"since":0,"bytes":4}\nabcd')
        assert serve.until(lambda message: message.get("seq") == 900)["type"] == "rows"
        serve.raw(b'{"type":"rows","seq":901,"bytes":-4}\n')
        assert serve.until(lambda message: message.get("seq") == 901)["type"] == "error"
        assert serve.process.wait(timeout=10) == 0  # after an invalid length the stream cannot be followed


def test_operations_and_devices_are_told():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        assert serve.hello["version"] == 1 and serve.hello["devices"][0]["name"] == "cpu"
        listed = serve.ask("operations")
        assert {"corpus.import", "test.count"} <= {operation["id"] for operation in listed["operations"]}
        serve.send("shutdown")
        assert serve.process.wait(timeout=10) == 0


def test_a_warm_worker_takes_interactive_requests():
    with Folder() as folder:
        study, bin = counting(folder)
        serve = Serve(study, bin)
        serve.submit("cold", "test.quick", set={"steps": 1})
        serve.last_word("cold")
        time.sleep(0.5)  # the spare starts behind the first one
        serve.submit("warm", "test.quick", set={"steps": 2})
        assert serve.last_word("warm")["type"] == "done"
        serve.end()


if __name__ == "__main__":
    run_all(globals())
