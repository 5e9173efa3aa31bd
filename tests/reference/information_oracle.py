#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""specialise.information and specialise.position a second time, in numpy and scipy, from the definitions. Writes
information_oracle.json beside itself; tests/analysis compares. Nulls come from other random numbers."""
import json
import pathlib

import numpy
from scipy import special, stats

import made_trace

RULE = dict(layers=2, experts=8, top_k=2, domains=3, documents=24, tokens_per_document=80, preference=60)
MINIMUM, BINS, DRAWS = 18, 10, 2000


def contingency(label, experts, count):
    """[labels, experts] assignments"""
    table = numpy.zeros((label.max() + 1, count))
    for rank in range(experts.shape[1]):
        numpy.add.at(table, (label, experts[:, rank]), 1)
    return table


def measures(table, tokens):
    total = table.sum()
    rows, columns = table.sum(1), table.sum(0)
    joint, product = table / total, numpy.outer(rows, columns) / total**2
    information = float(special.rel_entr(joint, product).sum())
    occur = (table > 0).sum() - (rows > 0).sum() - (columns > 0).sum() + 1
    experts, chosen = (columns > 0).sum(), total / tokens
    bias = occur * (experts - chosen) / (experts - 1) / (2 * total)
    return {"information": information, "corrected": information - float(bias),
            "label_entropy": float(stats.entropy(rows)), "expert_entropy": float(stats.entropy(columns))}


def labels(rule):
    tokens = numpy.arange(rule["documents"] * rule["tokens_per_document"])
    ids = (made_trace.number(1000, tokens) % numpy.uint64(97)).astype(int)
    occurrences = numpy.bincount(ids, minlength=97)
    return {"domain": tokens // rule["tokens_per_document"] % rule["domains"],
            "token id": numpy.where(occurrences[ids] < MINIMUM, 97, ids),
            "position": tokens % rule["tokens_per_document"] * BINS // rule["tokens_per_document"]}


def moved(label, name, rule, generator):
    by_document = label.reshape(rule["documents"], -1)
    if name == "position":
        return numpy.concatenate([numpy.roll(row, generator.integers(len(row))) for row in by_document])
    return by_document[generator.permutation(rule["documents"])].ravel()


def position(rule, experts, generator):
    """Shares by tenth of the document, lift, and how often a turned set lies as far from the overall share."""
    part = labels(rule)["position"]
    counts = numpy.stack([contingency(numpy.append(part[d], BINS - 1), numpy.append(experts[d], [[0] * 2], 0), rule["experts"]) for d in
                          numpy.arange(len(part)).reshape(rule["documents"], -1)])
    counts[:, BINS - 1, 0] -= 2  # the row appended so that every table has all parts
    table = counts.sum(0)
    overall = table.sum(0) / table.sum()
    share = table / table.sum(1, keepdims=True)
    far = numpy.zeros(table.shape)
    for _ in range(DRAWS):
        turned = numpy.sum([numpy.roll(c, generator.integers(BINS), axis=0) for c in counts], axis=0)
        far += numpy.abs(turned / turned.sum(1, keepdims=True) - overall) >= numpy.abs(share - overall) - 1e-7
    return {"share": share.tolist(), "lift": (share / overall).tolist(), "exceedance": (far / DRAWS).tolist()}


def main():
    generator = numpy.random.default_rng(17)
    layers = []
    for layer in range(RULE["layers"]):
        experts = made_trace.experts(RULE, layer)
        of = {}
        for name, label in labels(RULE).items():
            of[name] = measures(contingency(label, experts, RULE["experts"]), len(label))
            null = [measures(contingency(moved(label, name, RULE, generator), experts, RULE["experts"]), len(label))["information"]
                    for _ in range(DRAWS // 4)]
            of[name] |= {"null_mean": float(numpy.mean(null)), "null_deviation": float(numpy.std(null))}
        layers.append({"labels": of, "position": position(RULE, experts, generator)})
    out = {"rule": RULE, "min_count": MINIMUM, "bins": BINS, "layers": layers}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
