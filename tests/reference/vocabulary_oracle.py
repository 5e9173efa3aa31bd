#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""specialise.vocabulary a second time, in numpy and scipy, from the definitions. Writes vocabulary_oracle.json beside itself;
tests/analysis compares. Nulls are simulated here by drawing whole multinomials."""
import json
import pathlib

import numpy
from scipy import stats
from scipy.spatial import distance

import made_trace

RULE = dict(layers=2, experts=8, top_k=2, domains=3, documents=24, tokens_per_document=80, preference=60)
MINIMUM = 12
RATES = [0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.03, 0.02, 0.0]


def ids(rule):
    tokens = numpy.arange(rule["documents"] * rule["tokens_per_document"])
    return (made_trace.number(1000, tokens) % numpy.uint64(97)).astype(int)


def by_role(rule):
    """Ids by role, -1 where there is none."""
    own = ids(rule)
    following = numpy.append(own[1:], -1)
    following[rule["tokens_per_document"] - 1 :: rule["tokens_per_document"]] = -1
    return {"input": own, "next": following}


def scores(rule, layer, of):
    experts = made_trace.experts(rule, layer)
    kept = of >= 0
    rates = numpy.bincount(experts[kept].ravel(), minlength=rule["experts"]) / kept.sum()
    types = [v for v in range(97) if (of == v).sum() >= MINIMUM]
    counts = numpy.array([(of == v).sum() for v in types])
    table = numpy.array([numpy.bincount(experts[of == v].ravel(), minlength=rule["experts"]) for v in types])
    share = table / counts[:, None]
    owner, largest = share.argmax(1), share.max(1)
    p = numpy.minimum(1, rule["experts"] * stats.binom.sf(table.max(1) - 1, counts, rates[owner]))
    order = numpy.lexsort((numpy.arange(len(types)), -counts, -largest))
    return {
        "score": largest.mean(),
        "weighted": table.max(1).sum() / counts.sum(),
        "expert_score": [largest[owner == e].mean() if (owner == e).any() else None for e in range(rule["experts"])],
        "owned": numpy.bincount(owner, minlength=rule["experts"]).tolist(),
        "divergence": [float(distance.jensenshannon(table[:, e], counts, base=2) ** 2) for e in range(rule["experts"])],
        "first": [[int(types[i]), int(counts[i]), float(largest[i])] for i in order if owner[i] == 0],
        "specific": int((stats.false_discovery_control(p) <= 0.05).sum()),
        "histogram": numpy.stack([numpy.bincount(numpy.minimum(19, share[:, e] * 20).astype(int), minlength=20) for e in range(rule["experts"])], 1).tolist(),
    }


def main():
    generator = numpy.random.default_rng(3)
    most = {n: float(numpy.mean(generator.multinomial(n, RATES, 200000 if n < 1000 else 20000).max(1)) / n) for n in (1, 4, 13, 57, 300, 1000, 30000)}
    clusters = generator.integers(1, 2000, 300)
    divergences = {}
    for size in (50, 800, 20000):
        drawn = generator.multinomial(size, clusters / clusters.sum(), 400)
        divergences[size] = float(numpy.mean(distance.jensenshannon(drawn.T, numpy.repeat(clusters[:, None], 400, 1), base=2) ** 2))
    out = {
        "rule": RULE,
        "min_count": MINIMUM,
        "roles": {role: [scores(RULE, layer, of) for layer in range(RULE["layers"])] for role, of in by_role(RULE).items()},
        "rates": RATES,
        "max_share": [[n, share] for n, share in most.items()],
        "clusters": clusters.tolist(),
        "divergence_null": [[size, bits] for size, bits in divergences.items()],
    }
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
