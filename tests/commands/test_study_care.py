# SPDX-License-Identifier: GPL-3.0-or-later
"""study pack, unpack and repair as a user types them: what they print, their exit codes, and the same bytes elsewhere."""
import hashlib
import tarfile

from command import Folder, cli, error, run_all


def made(folder):
    """A study with two corpora and a name each."""
    study = folder / "S"
    cli("study", "init", study)
    cli("run", "corpus.synthetic", "--study", study, "--set", "tokens=3000", "--name", "first")
    cli("run", "corpus.synthetic", "--study", study, "--set", "tokens=3000", "--set", "seed=2", "--name", "second")
    return study


def content(study):
    return {path.relative_to(study).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in study.rglob("*") if path.is_file() and path.relative_to(study).parts[0] in ("corpora", "arrays", "runs")}


def test_packed_here_and_unpacked_there_it_is_the_same_study():
    with Folder() as folder:
        study, file, there = made(folder), folder / "s.tar", folder / "elsewhere" / "T"
        packed = cli("study", "pack", study, "--out", file, "--json")
        assert packed["file"] == str(file) and packed["files"] > 2 and packed["referenced"] == [], packed
        assert "SHA256SUMS" in tarfile.open(file).getnames()
        there.parent.mkdir()
        unpacked = cli("study", "unpack", there, "--from", file, "--json")
        assert (unpacked["files"], unpacked["bytes"]) == (packed["files"], packed["bytes"])
        assert cli("study", "check", there, "--json") == {"sound": True, "damage": []}
        assert content(study) == content(there)
        rows = lambda of: [(row["id"], row["names"], row["created"]) for row in cli("list", "--study", of, "--json")]
        assert rows(study) == rows(there)
        # The same request is answered there without being run again.
        again = cli("run", "corpus.synthetic", "--study", there, "--set", "tokens=3000", "--json")
        assert again["outputs"]["corpus"]["cached"] is True
        assert "is a study now" in cli("study", "unpack", folder / "U", "--from", file)
        assert "unpack NEW" in cli("study", "pack", f"{study}/") and (folder / "S.tar").is_file()


def test_what_cannot_be_packed_or_unpacked_is_said():
    with Folder() as folder:
        study, file = made(folder), folder / "s.tar"
        error("study", "unpack", folder / "T", code=2)
        assert error("study", "unpack", folder / "T", "--from", file, code=3)["file"] == str(file)
        error("study", "pack", folder / "nothing", code=3)
        cli("study", "pack", study, "--out", file)
        assert "not empty" in error("study", "unpack", study, "--from", file, code=2)["message"]
        whole = file.read_bytes()
        file.write_bytes(whole[:len(whole) // 2])
        assert error("study", "unpack", folder / "T", "--from", file, code=3)["offset"] > 0
        file.write_bytes(b"PK\3\4" + bytes(2000))
        assert "no tar" in error("study", "unpack", folder / "T", "--from", file, code=3)["message"]
        assert not (folder / "T").exists()


def test_repair_saves_what_can_be_saved_and_names_the_rest():
    with Folder() as folder:
        study = made(folder)
        assert "was sound" in cli("study", "repair", study)
        assert cli("study", "repair", study, "--json") == {"sound": True, "saved": [], "lost": []}
        first = cli("show", "--study", study, "first", "--json")
        (study / "corpora" / first["id"] / first["files"][0]).write_bytes(b"flipped")
        with open(study / "study.sqlite", "r+b") as catalogue:
            catalogue.write(b"\xff" * 4096)  # where every table begins
        error("list", "--study", study, code=3)
        done = cli("study", "repair", study, "--json")
        assert done["sound"] is True
        words = " ".join(one["what"] for one in done["saved"] + done["lost"])
        assert "rows of the damaged catalogue were taken over" in words, words
        assert "corpus first was changed" in words and "run corpus.synthetic again" in words, words
        assert cli("study", "check", study, "--json")["sound"] is True
        assert [row["names"] for row in cli("list", "--study", study, "--json")] == [["second"]]
        assert list(study.glob("study.sqlite.damaged-*")) and list(study.glob("damaged/corpora/*"))
        # What was lost is made again by its request, and has its id and name again.
        again = cli("run", "corpus.synthetic", "--study", study, "--set", "tokens=3000", "--json")
        assert again["outputs"]["corpus"]["id"] == first["id"] and again["outputs"]["corpus"]["name"] == "first"
        error("study", "repair", folder / "nothing", code=3)


if __name__ == "__main__":
    run_all(globals())
