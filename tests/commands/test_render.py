# SPDX-License-Identifier: GPL-3.0-or-later
"""moescope render (contract section 1): a result that another program wrote becomes a figure in every format; what is wrong is
named, with its exit code, and leaves no file."""
import csv
import hashlib
import json
import os
import sqlite3
import struct
import subprocess
import xml.etree.ElementTree as ElementTree

import h5py
import numpy

from command import BIN, Folder, cli, run_all

LOAD = numpy.array([[2, 1, 0.5, 0.5], [4, 0, 0, 0], [1, 1, 1, 1]], "<f8")


def add_result(study, name, load=LOAD, figures=None, axes="layer,expert"):
    """A result file as contract section 3 says, written with h5py, and its row."""
    file = study / "new.h5"
    text = h5py.string_dtype("utf-8")
    if figures is None:
        figures = [{"name": "load", "mark": "heat map", "values": ["utilisation"], "axes": ["layer", "expert"], "scale": "log2 around 1"},
                   {"name": "experts", "mark": "sorted bars", "values": ["utilisation"], "axes": ["expert"], "at": "layer"}]
    with h5py.File(file, "w") as out:
        out["values/utilisation"] = load
        out["values/utilisation"].attrs.update({"kind": "array", "unit": "x fair share", "axes": axes})
        out.create_dataset("axes/layer", data=[f"{layer} (block {layer + 1})" for layer in range(load.shape[0])], dtype=text)
        out.create_dataset("axes/expert", data=[str(expert) for expert in range(load.shape[1])], dtype=text)
        out.create_dataset("figures", data=[json.dumps(figures)], dtype=text)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    id = hashlib.sha256(f"content.h5 {digest}\n".encode()).hexdigest()
    (study / "arrays").mkdir(exist_ok=True)
    file.rename(study / "arrays" / f"{id}.h5")
    with sqlite3.connect(study / "study.sqlite") as catalogue:
        catalogue.execute("INSERT INTO artifact (id, kind, created, summary, bytes, revision) VALUES (?, 'result', '2026-01-01T00:00:00Z', '{}', 1, 1)", [id])
        catalogue.execute("INSERT INTO name VALUES (?, ?, 1)", [name, id])
    catalogue.close()


def render(*words, code=0):
    env = {key: value for key, value in os.environ.items() if key not in ("QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY")}
    done = subprocess.run([str(BIN / "moescope"), "render", *map(str, words)], capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == code, f"{words}: ended with {done.returncode}, not {code}\n{done.stdout}\n{done.stderr}"
    return done.stderr


class Workplace(Folder):
    def __enter__(self):
        path = super().__enter__()
        self.study = path / "S"
        cli("study", "init", self.study)
        add_result(self.study, "lb")
        return self

    def render(self, out, *words, code=0, result="lb"):
        return render("--study", self.study, "--result", result, "--out", self.path / out, *words, code=code)


def test_every_format_without_a_display():
    with Workplace() as place:
        for ending in ("pdf", "svg", "png", "tex", "csv"):
            said = place.render(f"f.{ending}", "--preset", "icml")
            assert said == "", said
        assert (place.path / "f.pdf").read_bytes().startswith(b"%PDF-")
        assert b"DCTDecode" not in (place.path / "f.pdf").read_bytes()
        assert ElementTree.parse(place.path / "f.svg").getroot().get("viewBox") == "0 0 234 145"
        png = (place.path / "f.png").read_bytes()
        assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">I", png[16:20])[0] == 1950
        assert "\\begin{axis}" in (place.path / "f.tex").read_text()
        with open(place.path / "f.csv", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        assert [float(row["utilisation"]) for row in rows] == LOAD.flatten().tolist()
        assert rows[5]["layer"] == "1 (block 2)" and rows[5]["expert"] == "1"


def test_figure_column_and_view_are_chosen():
    with Workplace() as place:
        place.render("b.csv", "--figure", "experts", "--set", "layer=1")
        rows = [line.split(",") for line in (place.path / "b.csv").read_text().splitlines()]
        assert rows[0] == ["position", "expert", "utilisation"] and [float(row[2]) for row in rows[1:]] == [4, 0, 0, 0]
        place.render("b.csv", "--figure=experts", "--set", "layer=0 (block 1)", "--set", "order=axis")
        rows = [line.split(",") for line in (place.path / "b.csv").read_text().splitlines()]
        assert [float(row[2]) for row in rows[1:]] == [2, 1, 0.5, 0.5]
        place.render("w.svg", "--preset", "nature", "--column", "full")
        assert ElementTree.parse(place.path / "w.svg").getroot().get("viewBox").startswith("0 0 519 ")


def test_wrong_use_names_what_is_right():
    with Workplace() as place:
        for words, says in [(["--preset", "imcl"], "icml"), (["--column", "two"], "one or full"), (["--figure", "loud"], "load"),
                            (["--set", "layer=7"], "there are 3"), (["--set", "layer"], "VIEW=VALUE"), (["--figur", "load"], "--figure"),
                            (["--set", "selected.head=1"], "head"), (["--figure"], "needs a value")]:
            said = place.render("f.pdf", *words, code=2)
            assert says in said, said
        assert ".pdf, .svg" in place.render("f.jpeg", code=2)
        assert "lb" in place.render("f.pdf", code=2, result="lbb")
        assert "--result" in render("--study", place.study, "--out", place.path / "f.pdf", code=2)
        assert not list(place.path.glob("f.*"))


def test_bad_input_and_a_place_that_cannot_be_written():
    with Workplace() as place:
        assert "no study" in render("--study", place.path / "none", "--result", "lb", "--out", place.path / "f.pdf", code=3)
        add_result(place.study, "wrong", axes="layer,head")
        assert "head" in place.render("f.pdf", code=3, result="wrong")
        add_result(place.study, "bare", load=LOAD * 2, figures=[])
        assert "no figure" in place.render("f.pdf", code=3, result="bare")
        add_result(place.study, "pie", load=LOAD * 3, figures=[{"name": "p", "mark": "pie", "values": ["utilisation"]}])
        assert "heat map" in place.render("f.pdf", code=2, result="pie")
        for name in (place.study / "arrays").glob("*.h5"):
            name.write_bytes(name.read_bytes()[:600])
        assert ".h5" in place.render("f.pdf", code=3)
        assert not (place.path / "f.pdf").exists()
    with Workplace() as place:
        said = place.render("no/such/folder/f.pdf", code=3)
        assert "folder" in said, said


def test_a_damaged_file_is_an_error_whatever_the_damage():
    with Workplace() as place:
        file = next((place.study / "arrays").glob("*.h5"))
        whole = file.read_bytes()
        codes = set()
        for at in range(0, len(whole), max(1, len(whole) // 40)):
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1:])
            done = subprocess.run([str(BIN / "moescope"), "render", "--study", place.study, "--result", "lb", "--out", place.path / "f.csv"],
                                  capture_output=True, text=True, timeout=60)
            assert done.returncode in (0, 2, 3), f"byte {at}: {done.returncode} {done.stderr}"
            codes.add(done.returncode)
        assert 3 in codes


def test_help_teaches():
    done = subprocess.run([str(BIN / "moescope"), "render", "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "--preset" in done.stdout and "Example:" in done.stdout


run_all(globals())
