# SPDX-License-Identifier: Apache-2.0
"""Everything that a Moescope plugin in Python needs; beside Python itself only h5py (and the numpy that it brings).

    import moescope_plugin as plugin

    def work(request):
        trace = plugin.Trace(request.input("trace"))
        result = plugin.Result()
        result.axis("layer", trace.layer_labels())
        result.array("count", "tokens", ["layer"], [...])
        result.write(request.output("result"))

    plugin.run(work)

Beside the program lies plugin.json: a description as `moescope-cli operations ID --json` prints it, plus "command".
"""
import json
import os
import sys

import h5py
import numpy

_EXIT_CODES = {"usage": 2, "input": 3, "environment": 4, "cancelled": 5, "bug": 70}


class Failure(Exception):
    """What went wrong and for whom: kind is one of usage, input, environment, cancelled, bug."""

    def __init__(self, kind, message, file=None):
        super().__init__(message)
        self.kind, self.file = kind, file


def _say(line):
    print(json.dumps(line), flush=True)


def progress(fraction, stage):
    """Share done in [0, 1] and the stage in plain words."""
    _say({"progress": min(1.0, max(0.0, float(fraction))), "stage": stage})


def log(text):
    _say({"log": text})


def warn(text):
    _say({"log": text, "level": "warning"})


class Request:
    """What Moescope asks for: {"operation","in":{PORT:{"kind","path"}},"set":{},"out":{PORT:"path"},"scratch":"path"}."""

    def __init__(self, path):
        with open(path, encoding="utf-8") as file:
            self.json = json.load(file)
        self.operation = self.json["operation"]
        self.set = self.json["set"]  # every declared parameter has a value
        self.scratch = self.json["scratch"]

    def inputs(self, port):
        """Paths of all artifacts at a port."""
        given = self.json["in"].get(port, [])
        return [one["path"] for one in (given if isinstance(given, list) else [given])]

    def input(self, port):
        paths = self.inputs(port)
        if not paths:
            raise Failure("usage", f"the request has no input {port}")
        return paths[0]

    def output(self, port):
        return self.json["out"][port]


def run(work):
    """The main of a plugin: reads the request, runs work(request), turns what it raises into an error line and an exit code."""

    def fail(kind, message, file=None):
        _say({"error": {"kind": kind, "message": message, **({"file": str(file)} if file else {})}})
        sys.exit(_EXIT_CODES[kind])

    if len(sys.argv) != 2:
        fail("usage", "a plugin is run with the path of one request file")
    try:
        work(Request(sys.argv[1]))
    except Failure as failure:
        fail(failure.kind, str(failure), failure.file)
    except MemoryError:
        fail("environment", "out of memory; raise limits.memory in plugin.json")
    except OSError as error:
        fail("environment", str(error), error.filename)


class Layer:
    def __init__(self, group):
        self.block = int(group.attrs["block"])
        self.experts = int(group.attrs["num_experts"])
        self.top_k = int(group.attrs["top_k"])


class Block:
    """Tokens that follow each other: id, next, domain, document, position, token_class [tokens]; expert(layer) [tokens, k]."""

    def __init__(self, file, layers, first, end):
        self._file, self._layers, self._rows = file, layers, slice(first, end)
        tokens = file["tokens"]
        self.id, self.next = tokens["id"][self._rows], tokens["next"][self._rows]
        self.domain, self.document = tokens["domain"][self._rows], tokens["document"][self._rows]
        self.position, self.token_class = tokens["position"][self._rows], tokens["class"][self._rows]

    def expert(self, layer):
        """int32, ordered by weight before any drop; -1 = no further expert."""
        stored = self._file[f"layers/{layer:02d}/expert"][self._rows]
        expert = stored.astype(numpy.int32)
        expert[stored == numpy.iinfo(stored.dtype).max] = -1
        if expert.size and expert.max() >= self._layers[layer].experts:
            raise Failure("input", f"layer {layer} names an expert that it does not have", self._file.filename)
        return expert

    def weight(self, layer):
        """The combine weights really applied; 0 where capacity dropped an assignment."""
        return self._file[f"layers/{layer:02d}/weight"][self._rows].astype(numpy.float64)


class Trace:
    """A routing trace (contract section 4): a folder of segments NNNN.h5 and counters.h5."""

    def __init__(self, folder):
        self.folder = folder
        names = sorted(name for name in os.listdir(folder) if name[:-3].isdigit() and name.endswith(".h5"))
        self.segments = [os.path.join(folder, name) for name in names]
        if not self.segments:
            raise Failure("input", f"{folder} holds no segment of a trace", folder)
        with self._open(self.segments[0]) as file:
            if int(file.attrs.get("moescope_trace", 0)) != 1:
                raise Failure("input", f"{self.segments[0]} is of another version of traces", self.segments[0])
            self.layers = [Layer(file[f"layers/{layer:02d}"]) for layer in range(int(file.attrs["num_layers"]))]
            self.domains = [str(name) for name in file["domains"].asstr()[...]]
        self.tokens = 0
        for path in self.segments:
            with self._open(path) as file:
                self.tokens += file["tokens/id"].shape[0]

    @staticmethod
    def _open(path):
        try:
            return h5py.File(path, "r")
        except OSError as error:
            raise Failure("input", f"{path} cannot be read: {error}", path) from error

    def layer_labels(self):
        """As Moescope labels an axis of layers: "3 (block 4)"."""
        return [f"{index} (block {layer.block})" for index, layer in enumerate(self.layers)]

    def blocks(self, tokens=1 << 16):
        """All tokens in order, at most `tokens` at a time; one trace never has to fit into memory."""
        for path in self.segments:
            with self._open(path) as file:
                for first in range(0, file["tokens/id"].shape[0], tokens):
                    yield Block(file, self.layers, first, min(first + tokens, file["tokens/id"].shape[0]))


class Result:
    """A result file (contract section 3). Figures are declared in plugin.json."""

    def __init__(self):
        self._axes, self._arrays, self.facts = {}, {}, {}

    def axis(self, name, labels):
        self._axes[name] = [str(label) for label in labels]

    def array(self, name, unit, axes, values, baseline=None, low=None, high=None, help=""):
        """Values over named axes; baseline is the expectation under the null, (low, high) a 95 % interval. Pad with NaN."""
        shape = tuple(len(self._axes[axis]) for axis in axes)
        parts = {"": values, ".baseline": baseline, ".low": low, ".high": high}
        for part, numbers in parts.items():
            if numbers is not None and numpy.shape(numbers) != shape:
                raise Failure("bug", f"{name}{part} has the shape {numpy.shape(numbers)}, its axes say {shape}")
        self._arrays[name] = (unit, axes, parts, help)

    def write(self, path):
        text = h5py.string_dtype("utf-8")
        with h5py.File(path, "w") as file:
            axes, values = file.create_group("axes"), file.create_group("values")
            for name, labels in self._axes.items():
                axes.create_dataset(name, data=numpy.array(labels, dtype=object), dtype=text)
            for name, (unit, over, parts, help) in self._arrays.items():
                for part, numbers in parts.items():
                    if numbers is not None:
                        numbers = numpy.asarray(numbers)
                        whole = part == "" and numbers.dtype.kind in "iu"
                        values.create_dataset(name + part, data=numbers, dtype="<i8" if whole else "<f8")
                attributes = values[name].attrs
                attributes["kind"], attributes["unit"], attributes["axes"] = "array", unit, ",".join(over)
                if help:
                    attributes["help"] = help
            axes.attrs["order"], values.attrs["order"] = ",".join(self._axes), ",".join(self._arrays)
            file.create_dataset("facts", data=numpy.array([json.dumps(self.facts)], dtype=object), dtype=text)
