#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""load.balance and specialise.domain a second time, in numpy and scipy, from the definitions. Writes analysis_oracle.json
beside itself; tests/analysis compares. Exact values agree to rounding; intervals, nulls and p-values come from other random
numbers (numpy's), many of them, and agree within their Monte Carlo error."""
import json
import pathlib

import numpy
from scipy import stats

import made_trace

RULES = {
    "even": dict(layers=2, experts=8, top_k=2, domains=3, documents=40, tokens_per_document=60, preference=0),
    "specialised": dict(layers=2, experts=8, top_k=2, domains=3, documents=40, tokens_per_document=60, preference=60),
}
DRAWS = 20000


def load(n):
    n = numpy.asarray(n, float)
    experts, f = len(n), n / n.sum()
    entropy = float(stats.entropy(f))
    # Gini as half the relative mean absolute difference: another route than the sorted sum.
    gini = numpy.abs(n[:, None] - n[None, :]).mean() / (2 * n.mean())
    return {
        "cv": float(n.std() / n.mean()),
        "max_violation": float(n.max() / n.mean() - 1),
        "gini": float(gini),
        "entropy": entropy / numpy.log(experts),
        "jain": float(n.sum() ** 2 / (experts * (n @ n))),
        "effective_experts": float(numpy.exp(entropy)),
        "dead": int((n == 0).sum()),
    }


def information(table):
    """KL from the product of the margins to the joint."""
    joint = table / table.sum()
    product = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    return float(stats.entropy(joint.ravel(), product.ravel()))


def by_domain(counts, domain, domains):
    return numpy.stack([counts[domain == d].sum(0) for d in range(domains)])


def layer_values(rule, layer, generator):
    counts, domain = made_trace.counts_by_document(rule, layer), made_trace.domains(rule)
    table = by_domain(counts, domain, rule["domains"])
    total = counts.sum(0)
    share = table / table.sum(1, keepdims=True)
    overall = total / total.sum()
    lift = share / overall
    weights = generator.multinomial(rule["documents"], numpy.full(rule["documents"], 1 / rule["documents"]), DRAWS)
    resampled = weights @ counts
    intervals = {name: numpy.quantile([load(n)[name] for n in resampled[:4000]], [0.025, 0.975]).tolist() for name in ("cv", "gini", "entropy")}
    ratio = resampled / resampled.mean(1, keepdims=True)
    null_information, strays = [], []
    for _ in range(DRAWS // 4):
        drawn = by_domain(counts, generator.permutation(domain), rule["domains"])
        null_information.append(information(drawn))
        strays.append(numpy.abs(drawn / drawn.sum(1, keepdims=True) - overall))
    strays = numpy.array(strays)
    boot_information = [information(numpy.stack([(w * (domain == d)) @ counts for d in range(rule["domains"])])) for w in weights[:4000]]
    return {
        "count": total.tolist(),
        "utilisation_interval": numpy.quantile(ratio, [0.025, 0.975], axis=0).tolist(),
        "metrics": load(total),
        "intervals": intervals,
        "share": share.tolist(),
        "lift": lift.tolist(),
        "token_share": (table / (numpy.bincount(domain) * rule["tokens_per_document"])[:, None]).tolist(),
        "information": information(table),
        "null_mean": float(numpy.mean(null_information)),
        "null_interval": numpy.quantile(null_information, [0.025, 0.975]).tolist(),
        "information_interval": numpy.quantile(boot_information, [0.025, 0.975]).tolist(),
        "exceedance": (strays >= numpy.abs(share - overall) - 1e-7).mean(0).tolist(),
    }


def main():
    generator = numpy.random.default_rng(11)
    out = {name: {"rule": rule, "layers": [layer_values(rule, layer, generator) for layer in range(rule["layers"])]} for name, rule in RULES.items()}
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
