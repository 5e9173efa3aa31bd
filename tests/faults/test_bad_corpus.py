# SPDX-License-Identifier: GPL-3.0-or-later
"""Every bad corpus is a named error with the exit code of its kind, and nothing is left in the study."""
import json
import os
import pathlib
import subprocess
import tempfile

cli = pathlib.Path(os.environ["MOESCOPE_BIN"], "moescope-cli")


def run(*words: object) -> subprocess.CompletedProcess:
    return subprocess.run([str(cli), *(str(word) for word in words)], stdin=subprocess.DEVNULL, capture_output=True, text=True)


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    study = folder / "study"
    assert run("study", "init", study).returncode == 0

    def refused(code: int, kind: str, says: str, *settings: str, file: str = "", offset: int | None = None) -> None:
        words = [word for setting in settings for word in ("--set", setting)]
        done = run("run", "corpus.import", "--study", study, *words, "--json")
        assert done.returncode == code, (settings, done.returncode, done.stdout, done.stderr)
        error = json.loads(done.stdout)["error"]
        assert error["kind"] == kind and says in error["message"], (settings, error)
        assert not file or error["file"] == file, (settings, error)
        assert offset is None or error["offset"] == offset, (settings, error)

    (folder / "empty").mkdir()
    (folder / "binary/d").mkdir(parents=True)
    (folder / "binary/d/x").write_bytes(bytes(range(256)))
    ids = folder / "ids.jsonl"
    first = '{"domain":"x","ids":[1]}\n'

    refused(2, "usage", "needs one of path")
    refused(2, "usage", "not several", "text=x", f"path={folder}/binary")
    refused(2, "usage", "validation", "text=x", "validation=1.5")
    refused(2, "usage", "did you mean validation", "text=x", "valdation=0.5")
    refused(3, "input", "No such file", f"path={folder}/nowhere", file=f"{folder}/nowhere")
    refused(3, "input", "holds no text", f"path={folder}/empty", file=f"{folder}/empty")
    refused(3, "input", "1 binary", f"path={folder}/binary", file=f"{folder}/binary")
    refused(3, "input", "is a file", f"path={folder}/binary/d/x")
    refused(3, "input", "No such file", f"ids={folder}/nowhere", file=f"{folder}/nowhere")
    for bad, says in [("[1,-2]", "-2 at index 1"), ('["one"]', '"one" at index 0'), ("[1.5]", "1.5"), ("7", "not a list")]:
        ids.write_text(first + '{"domain":"x","ids":' + bad + "}\n")
        refused(3, "input", says, f"ids={ids}", file=str(ids), offset=len(first))
    ids.write_text(first + "not json\n")
    refused(3, "input", "line 2", f"ids={ids}", file=str(ids))
    refused(3, "input", "line 2", f"ids=@{ids}")

    listed = json.loads(run("list", "--study", study, "--json").stdout)
    assert listed == [], listed
    assert run("study", "check", study).returncode == 0

    # And the good ones, both ways in.
    ids.write_text(first)
    outputs = []
    for setting in (f"ids={ids}", f"ids=@{ids}"):
        done = run("run", "corpus.import", "--study", study, "--set", setting, "--json")
        assert done.returncode == 0, done.stderr
        outputs.append(json.loads(done.stdout)["outputs"]["corpus"]["id"])
    assert outputs[0] == outputs[1] and len(outputs[0]) == 64, outputs
print("bad corpora are refused")
