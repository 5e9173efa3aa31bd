#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that tests/statistics compares with: scipy and numpy. Writes statistics.json beside itself.

Run with numpy 1.24 or newer and scipy 1.11 or newer; the tests themselves read only the JSON."""
import json
import pathlib

import numpy
from scipy import stats


def gini(x):
    x = numpy.sort(x)
    n = len(x)
    return float((2 * numpy.arange(1, n + 1) - n - 1) @ x / (n * x.sum()))


def balanced(tokens, k, experts, draws, generator):
    """Means of Gini, max/mean - 1, H/ln E, exp H and Jain over routing in which every token takes k of E at random."""
    rows = []
    for _ in range(draws):
        chosen = numpy.argpartition(generator.random((tokens, experts)), k - 1, axis=1)[:, :k]
        n = numpy.bincount(chosen.ravel(), minlength=experts).astype(float)
        f = n[n > 0] / n.sum()
        entropy = -(f * numpy.log(f)).sum()
        rows.append([gini(n), n.max() / n.mean() - 1, entropy / numpy.log(experts), numpy.exp(entropy), n.sum() ** 2 / (experts * (n**2).sum())])
    return numpy.mean(rows, axis=0).tolist()


def main():
    generator = numpy.random.default_rng(20240501)
    p = numpy.round(generator.random(40) ** 3, 6)
    p[[3, 11]] = p[7]  # ties
    values = numpy.round(generator.normal(size=101), 6)
    z = [0.0, 0.5, 1.959963984540054, 3.0, 6.0, -2.5]
    cases = [(500, 2, 8), (2000, 8, 64), (60, 4, 32), (20000, 1, 16)]
    out = {
        "p": p.tolist(),
        "q": stats.false_discovery_control(p, method="bh").tolist(),
        "values": values.tolist(),
        "interval": numpy.quantile(values, [0.025, 0.975]).tolist(),
        "z": z,
        "two_sided": [float(2 * stats.norm.sf(abs(v))) for v in z],
        "balanced": [
            {"tokens": n, "k": k, "experts": e, "means": balanced(n, k, e, 2000 if n <= 2000 else 400, generator)} for n, k, e in cases
        ],
    }
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
