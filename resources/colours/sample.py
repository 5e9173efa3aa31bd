# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes core/result/colour_tables.inc: 52 evenly spaced colours of each published 256-entry table.

Usage: python3 sample.py _cm_listed.py > ../../core/result/colour_tables.inc
where _cm_listed.py is matplotlib's (Debian: python3-matplotlib). Straight lines between 52 colours stay within four
8-bit steps of the full tables, which the last lines check.
"""
import re
import sys

text = open(sys.argv[1], encoding="utf-8").read()
print("// Written by resources/colours/sample.py; licences in resources/colours/README.md.")
for name in ("viridis", "cividis"):
    block = re.search(rf"_{name}_data = (\[\[.*?\]\])", text, re.S).group(1)
    table = [[float(part) * 255 for part in row.split(",")] for row in re.findall(r"\[([^\[\]]+)\]", block)]
    assert len(table) == 256
    at = lambda x: [table[int(x)][c] + (x - int(x)) * (table[min(int(x) + 1, 255)][c] - table[int(x)][c]) for c in range(3)]
    stops = [[round(c) for c in at(i * 255 / 51)] for i in range(52)]
    print(f"constexpr std::uint32_t {name}[] = {{")
    codes = ["0x%02x%02x%02x" % tuple(stop) for stop in stops]
    for start in range(0, 52, 13):
        print("    " + ", ".join(codes[start:start + 13]) + ",")
    print("};")
    for i, colour in enumerate(table):
        x = i * 51 / 255
        low = min(int(x), 50)
        mixed = [stops[low][c] + (x - low) * (stops[low + 1][c] - stops[low][c]) for c in range(3)]
        worst = max(abs(a - b) for a, b in zip(mixed, colour))
        assert worst < 4, (name, i, worst)
