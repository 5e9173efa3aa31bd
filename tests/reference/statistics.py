#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values that tests/statistics compares with: scipy and numpy. Writes statistics.json beside itself.

Run with numpy 1.24 or newer and scipy 1.11 or newer; the tests themselves read only the JSON."""
import json
import pathlib
import types

import numpy
from scipy import optimize, special, stats


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


def corrected(generator):
    """Efron's BCa interval by scipy, of given draws of a ratio of sums over documents."""
    documents = generator.integers(1, 40, size=(30, 2)) * numpy.array([1, 3])

    times = generator.multinomial(30, numpy.full(30, 1 / 30), 400)
    sums = times @ documents
    given = types.SimpleNamespace(bootstrap_distribution=sums[:, 0] / sums[:, 1])
    result = stats.bootstrap(
        (documents[:, 0], documents[:, 1]),
        lambda x, y, axis: x.sum(axis) / y.sum(axis),
        n_resamples=0,
        bootstrap_result=given,
        paired=True,
        method="BCa",
    )
    return {
        "documents": documents.tolist(),
        "times": times.tolist(),
        "interval": [float(result.confidence_interval.low), float(result.confidence_interval.high)],
        "deviation": float(result.standard_error),
    }


def proportions():
    cases = []
    for a, m, b, n in [(56, 70, 48, 80), (9, 10, 3, 10), (5, 56, 0, 29), (0, 10, 0, 20), (10, 10, 0, 20), (1200, 100000, 1100, 90000)]:
        one, other = (stats.binomtest(x, of).proportion_ci(method="wilson") for x, of in ((a, m), (b, n)))
        p, q = a / m, b / n
        low = p - q - numpy.sqrt((p - one.low) ** 2 + (other.high - q) ** 2)
        high = p - q + numpy.sqrt((one.high - p) ** 2 + (q - other.low) ** 2)
        bound = stats.binomtest(a, m, alternative="less").proportion_ci(confidence_level=0.95, method="exact").high
        cases.append({"counts": [a, m, b, n], "wilson": [float(one.low), float(one.high)], "newcombe": [float(low), float(high)], "bound": float(bound)})
    return cases


def ranks(generator):
    x = generator.integers(0, 12, 500)
    y = numpy.clip(x + generator.integers(-6, 7, 500), 0, 9)
    table = numpy.zeros((12, 10), int)
    numpy.add.at(table, (x, y), 1)
    return {"table": table.tolist(), "rho": float(stats.spearmanr(x, y).statistic)}


def matchings(generator):
    out = []
    for shape in [(1, 1), (5, 5), (7, 12), (12, 7), (40, 40)]:
        gain = generator.integers(0, 1000, shape)
        rows, columns = optimize.linear_sum_assignment(gain, maximize=True)
        out.append({"gain": gain.tolist(), "sum": int(gain[rows, columns].sum())})
    return out


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
    out["corrected"] = corrected(generator)
    out["proportions"] = proportions()
    out["ranks"] = ranks(generator)
    out["matchings"] = matchings(generator)
    shares = [1e-300, 1e-20, 1e-6, 0.001, 0.025, 0.2, 0.5, 0.7, 0.975, 0.9999]
    out["normal"] = [[share, float(stats.norm.ppf(share))] for share in shares]
    out["beta"] = [[a, b, x, float(special.betainc(a, b, x))] for a, b, x in [(0.5, 0.5, 0.3), (2, 3, 0.4), (5000, 7, 0.999), (30.5, 0.5, 0.98), (1, 1e6, 1e-6)]]
    out["student"] = [[t, f, float(2 * stats.t.sf(t, f))] for t, f in [(0.0, 4), (1.0, 1), (2.2, 9), (6.5, 30), (12.0, 200), (5.0, 1e5)]]
    path = pathlib.Path(__file__).with_suffix(".json")
    path.write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
