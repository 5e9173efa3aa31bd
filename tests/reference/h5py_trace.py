#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A trace as somebody else's script would write it: h5py's own habits (variable-length attributes, booleans, compression, half
precision weights), contract section 4. Writes h5py_trace/0000.h5 beside itself; tests/trace reads it.

Token t of layer l goes to experts (3 t + l) % 6 and (3 t + l + 2) % 6, the second one missing where t % 4 == 3."""
import pathlib

import h5py
import numpy

TOKENS, LAYERS, EXPERTS = 20, 2, 6


def main():
    folder = pathlib.Path(__file__).with_name("h5py_trace")
    folder.mkdir(exist_ok=True)
    t = numpy.arange(TOKENS)
    with h5py.File(folder / "0000.h5", "w") as f:
        f.attrs.update(moescope_trace=1, model_digest="0" * 64, tokenizer_digest="", corpus="by hand", family="mixtral", num_layers=LAYERS,
                       length=10, first_token=0, phase="decode", complete=True)
        tokens = f.create_group("tokens")
        tokens["id"] = (7 * t % 11).astype("int32")
        tokens["next"] = numpy.where(t % 10 == 9, -1, 7 * (t + 1) % 11).astype("int32")
        tokens["domain"] = (t // 10).astype("uint16")
        tokens["document"] = (t // 10).astype("uint32")
        tokens["position"] = (t % 10).astype("uint32")
        tokens["class"] = numpy.where(t % 10 == 0, 2, 0).astype("uint8")
        for layer in range(LAYERS):
            g = f.create_group(f"layers/{layer:02}")
            first = (3 * t + layer) % EXPERTS
            second = numpy.where(t % 4 == 3, 255, (first + 2) % EXPERTS)
            g.create_dataset("expert", data=numpy.stack([first, second], 1).astype("uint8"), compression="gzip", chunks=(8, 2))
            g["weight"] = numpy.tile(numpy.array([0.75, 0.25], "float16"), (TOKENS, 1))
            g.attrs.update(block=layer + 1, num_experts=EXPERTS, top_k=2, num_shared=0, score="softmax", renormalised=True, scale=1.0)
        f["domains"] = ["alpha", "bêta"]
        f["documents"] = ["alpha/1", "bêta/1"]


if __name__ == "__main__":
    main()
