# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes safetensors_verdicts.json: whether the reference reader (the package safetensors) accepts each of 20,000 files that are
made from a few headers by changes drawn from the file's number, one bit a file. tests/checkpoint/verdicts_test.cpp makes the same
files from the same lists and numbers; the two functions `made` must stay alike. Run with an environment that has safetensors 0.8:

    python safetensors_verdicts.py > safetensors_verdicts.json
"""
import json
import struct
import sys
import tempfile
from pathlib import Path

FILES = 20000
MASK = (1 << 64) - 1


def entry(name, dtype, shape, first, last):
    return '"%s":{"dtype":"%s","shape":%s,"data_offsets":[%d,%d]}' % (name, dtype, json.dumps(shape, separators=(",", ":")), first, last)


# Header and bytes of data. Characters stand for bytes, so that what is no UTF-8 can be written too.
BASES = [
    ["{" + entry("a", "F32", [2, 2], 0, 16) + "}", 16],
    ['{"__metadata__":{"format":"pt"},' + entry("a", "BF16", [8], 0, 16) + "}", 16],
    ["{" + entry("a", "U8", [4], 0, 4) + "," + entry("b", "I8", [4], 4, 8) + "," + entry("c", "F64", [1], 8, 16) + "}", 16],
    ["{" + entry("b", "F8_E4M3", [2, 8], 16, 32) + "," + entry("a", "F16", [8], 0, 16) + "}", 32],
    ["{" + entry("a", "F4", [2, 4], 0, 4) + "," + entry("b", "F6_E2M3", [4], 4, 7) + "," + entry("s", "I64", [], 7, 15) + "}", 15],
    ["{" + entry("e", "F32", [0, 5], 0, 0) + "," + entry("a", "BOOL", [3], 0, 3) + "}", 3],
    ['{ "a" : {\n"shape" : [ 2 , 3 ] ,\t"data_offsets":[0,24],"dtype":"I32"} }   ', 24],
    ['{"\\u0061\\n\\"\\ud83d\\ude00":{"dtype":"C64","shape":[1],"data_offsets":[0,8]},"\xc3\xa9":{"dtype":"F8_E8M0","shape":[8],"data_offsets":[8,16]}}', 16],
    ['{"__metadata__":{"a":"b","c":"","\\t":"\\\\"},' + entry("x", "U16", [2, 1, 2], 0, 8) + "}", 8],
    ["{}", 0],
    ['{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":[1,{"x":null,"y":[true,false,-1.5e3]}]}}', 4],
    ['{"__metadata__":null,' + entry("a", "U32", [1], 0, 4) + "}", 4],
]
CHARACTERS = ' \n\t{}[]:,"\\0123456789-+.eEabnrtu/\x00\x1f\x7f\x80\xc3\xff_F'
PIECES = ["{", "}", "[", "]", ",", ":", '"', "null", "true", "[]", "{}", '""', "-1", "1.0", "1e2", "1e400", "00", "\\u0000", "\\ud800", "\\x",
          "\xff", "\xc3\xa9", '"dtype":"F32",', '"shape":[1],', '"data_offsets":[0,4],', '"__metadata__":{},', '"__metadata__":null,',
          '"a":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},', '"x":1,', '"x":"y",', '"a":["F32",[1],[0,4]],', "[" * 130, "/**/", "  "]
NUMBERS = ["0", "1", "2", "3", "4", "7", "8", "15", "16", "24", "32", "-0", "-4", "4.0", "1e1", "01", "4294967296", "9223372036854775807",
           "9223372036854775808", "18446744073709551615", "18446744073709551616", "1e400", "999999999999999999999999"]
WORDS = ["a", "b", "dtype", "shape", "data_offsets", "__metadata__", "F32", "F16", "BF16", "F64", "U8", "BOOL", "F8_E4M3", "F8_E5M2", "F8_E8M0",
         "F8_E4M3FNUZ", "F4", "F6_E3M2", "C64", "F33", "f32", "", "\\u0041", "format", "pt"]
LISTS = {"characters": CHARACTERS, "pieces": PIECES, "numbers": NUMBERS, "words": WORDS, "bases": BASES}


class Draw:
    """splitmix64"""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        value = self.state
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
        return ((value ^ (value >> 31)) & MASK) % limit


def run_of_digits(text, at):
    while at < len(text) and not text[at].isdigit():
        at += 1
    end = at
    while end < len(text) and text[end].isdigit():
        end += 1
    return at, end


def quoted(text, at):
    at = text.find('"', at)
    end = text.find('"', at + 1) if at >= 0 else -1
    return (at + 1, end) if end >= 0 else (len(text), len(text))


def made(number):
    """Header and bytes of data of one file."""
    draw = Draw(number)
    text, data = BASES[draw.below(len(BASES))]
    for _ in range(draw.below(4)):
        kind, at = draw.below(7), draw.below(len(text) + 1)
        if kind == 0:
            text = text[:at] + CHARACTERS[draw.below(len(CHARACTERS))] + text[at + 1:]
        elif kind == 1:
            text = text[:at] + PIECES[draw.below(len(PIECES))] + text[at:]
        elif kind == 2:
            text = text[:at] + text[at + 1 + draw.below(8):]
        elif kind == 3:
            end, to = at + draw.below(64), draw.below(len(text) + 1)
            text = text[:to] + text[at:end] + text[to:]
        elif kind == 4 or kind == 5:
            at, end = run_of_digits(text, at)
            text = text[:at] + NUMBERS[draw.below(len(NUMBERS))] + text[end:]
        else:
            at, end = quoted(text, at)
            text = text[:at] + WORDS[draw.below(len(WORDS))] + text[end:]
    change = draw.below(16)
    return text.encode("latin-1"), max(0, data + (change == 0) - (change == 1) + 8 * (change == 2))


def main():
    from safetensors import safe_open
    verdicts = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.safetensors"
        for number in range(FILES):
            text, data = made(number)
            path.write_bytes(struct.pack("<Q", len(text)) + text + b"\0" * data)
            try:
                with safe_open(str(path), framework="pt") as file:
                    file.keys()
                verdicts.append(1)
            except Exception:
                verdicts.append(0)
    bits = bytes(sum(verdicts[at + bit] << bit for bit in range(8)) for at in range(0, FILES, 8))
    print(json.dumps({**LISTS, "files": FILES, "accepted": sum(verdicts), "verdicts": bits.hex()}, indent=1))
    print(f"{sum(verdicts)} of {FILES} accepted", file=sys.stderr)


if __name__ == "__main__":
    main()
