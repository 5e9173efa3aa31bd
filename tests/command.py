# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of whole commands share: running moescope-cli, and talking to `moescope-cli serve`."""
import json
import os
import queue
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

BIN = Path(os.environ["MOESCOPE_BIN"])
TORCH = os.environ.get("MOESCOPE_TORCH", "0") == "1"
COUNTING_WORKER = BIN.parent / "tests" / "counting_worker"


class Folder:
    """A temporary folder that goes when the test ends."""

    def __enter__(self):
        self.path = Path(tempfile.mkdtemp(prefix="moescope-test-"))
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


def cli(*words, code=0, bin=BIN, cwd=None, env=None, timeout=120):
    """Runs moescope-cli; its exit code must be `code`. Gives standard output, parsed where --json was asked for."""
    done = subprocess.run([str(bin / "moescope-cli"), *map(str, words)], capture_output=True, text=True, cwd=cwd,
                          env={**os.environ, **(env or {})}, timeout=timeout)
    assert done.returncode == code, f"{words}: ended with {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
    if "--json" not in words or not done.stdout:
        return done.stdout
    return json.loads(done.stdout)  # fails unless it is exactly one document


def error(*words, code, bin=BIN, **more):
    """Runs a command that must fail with `code`; gives its error object."""
    kinds = {2: "usage", 3: "input", 4: "environment", 5: "cancelled", 70: "bug"}
    document = cli(*words, "--json", code=code, bin=bin, **more)
    assert list(document) == ["error"], document
    assert document["error"]["kind"] == kinds[code], document
    return document["error"]


def texts(folder, domains=("german", "english"), documents=12, words=400):
    """A folder of text that a corpus can be imported from: one domain a folder, words that differ by domain."""
    for number, domain in enumerate(domains):
        (folder / domain).mkdir(parents=True)
        for document in range(documents):
            body = " ".join(f"{domain}{(document * 7 + word * (number + 3)) % 97}" for word in range(words))
            (folder / domain / f"{document:02}.txt").write_text(body + "\n")
    return folder


def counting_bin(folder):
    """A folder of programs in which the LibTorch worker is the counting one: test.count and test.quick can be run."""
    bin = folder / "bin"
    bin.mkdir()
    shutil.copy2(BIN / "moescope-cli", bin / "moescope-cli")
    shutil.copy2(COUNTING_WORKER, bin / "moescope-worker")
    described = subprocess.run([str(bin / "moescope-cli"), "worker", "--describe", "moescope-cli", "moescope-worker"],
                               capture_output=True, check=True).stdout
    (bin / "operations.json").write_bytes(described)
    return bin


class Serve:
    """One `moescope-cli serve`, its messages read by a thread."""

    def __init__(self, study=None, bin=BIN):
        self.process = subprocess.Popen([str(bin / "moescope-cli"), "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.messages = queue.Queue()
        self.seen = []
        self.seq = 0
        threading.Thread(target=self._read, daemon=True).start()
        if study is not None:
            self.hello = self.ask("hello", study=str(study))

    def _read(self):
        stream = self.process.stdout
        while line := stream.readline():
            message = json.loads(line)
            assert len(line) < 1 << 20
            if isinstance(message.get("bytes"), int):
                message["raw"] = stream.read(message["bytes"])
            message["at"] = time.monotonic()
            self.messages.put(message)
        self.messages.put(None)

    def send(self, type, **fields):
        self.seq += 1
        self.raw(json.dumps({"type": type, "seq": self.seq, **fields}).encode() + b"\n")
        return self.seq

    def raw(self, data):
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def next(self, timeout=60):
        message = self.messages.get(timeout=timeout)
        if message is not None:
            self.seen.append(message)
        return message

    def until(self, wanted, timeout=60):
        """The first message from here on for which wanted(message) holds."""
        end = time.monotonic() + timeout
        while True:
            message = self.next(max(0.01, end - time.monotonic()))
            assert message is not None, "serve ended"
            if wanted(message):
                return message

    def ask(self, type, timeout=60, **fields):
        """Sends a request and waits for the answer that repeats its number."""
        seq = self.send(type, **fields)
        return self.until(lambda message: message.get("seq") == seq, timeout)

    def last_word(self, job, timeout=120):
        return self.until(lambda message: message.get("job") == job and message["type"] in ("done", "failed", "withdrawn"), timeout)

    def submit(self, job, operation, **more):
        request = {"operation": operation, "in": more.pop("inputs", {}), "set": more.pop("set", {})}
        return self.ask("submit", job=job, request=request, **more)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self):
        """Ends the input, as a window that goes away does."""
        self.process.stdin.close()
        return self.process.wait(timeout=20)


def steps_of(messages, job):
    """The steps of a job's metrics messages, in the order they came; each message is checked against the layout."""
    steps = []
    for message in messages:
        if message["type"] != "metrics" or message["job"] != job:
            continue
        assert len(message["names"]) == len(message["shapes"]) == len(message["values"]), message
        for column in message["values"]:
            assert len(column) == len(message["steps"])
        steps += message["steps"]
    return steps


def passed(name, seconds=None):
    print(f"ok  {name}" + (f"  ({1000 * seconds:.0f} ms)" if seconds is not None else ""), flush=True)


def run_all(tests):
    """Runs every function whose name begins with test_, in the order of the file."""
    for name, function in list(tests.items()):
        if name.startswith("test_") and callable(function):
            start = time.monotonic()
            function()
            passed(name, time.monotonic() - start)
