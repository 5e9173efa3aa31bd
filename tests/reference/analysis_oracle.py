#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""load.balance and specialise.domain a second time, in numpy and scipy, from the definitions. Writes analysis_oracle.json
beside itself; tests/analysis compares. Exact values agree to rounding; intervals, nulls and p-values come from other random
numbers (numpy's), many of them, and agree within their Monte Carlo error."""
import itertools
import json
import pathlib

import numpy
from scipy import special, stats
from scipy.spatial import distance

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


def log_odds(table, tokens, prior):
    """Monroe, Colaresi and Quinn (2008): every expert chosen or not, by the domain's tokens and by all others."""
    ratio, z = numpy.zeros(table.shape), numpy.zeros(table.shape)
    rates = table.sum(0) / tokens.sum()
    for d in range(len(table)):
        rest = table.sum(0) - table[d]
        own, other = (table[d] + prior * rates) / (tokens[d] + prior), (rest + prior * rates) / (tokens.sum() - tokens[d] + prior)
        ratio[d] = special.logit(own) - special.logit(other)
        z[d] = ratio[d] / numpy.sqrt(1 / (table[d] + prior * rates) + 1 / (rest + prior * rates))
    return ratio, z


def committee(table, tau, theta):
    """Sets that carry tau of each domain; who is in theta of them; overlap; and what independent domains would give (simulated)."""
    sets = []
    for row in table:
        order = numpy.argsort(-row, kind="stable")
        enough = numpy.searchsorted(numpy.cumsum(row[order]), tau * row.sum() - 1e-9) + 1
        sets.append(set(order[:enough].tolist()))
    quorum = numpy.ceil(theta * len(table) - 1e-9)
    members = [e for e in range(table.shape[1]) if sum(e in s for s in sets) >= quorum]
    jaccard = lambda many: float(numpy.mean([len(a & b) / len(a | b) for a, b in itertools.combinations(many, 2)]))
    generator, sizes, overlaps = numpy.random.default_rng(5), [], []
    for _ in range(DRAWS):
        drawn = [set(generator.permutation(table.shape[1])[: len(s)].tolist()) for s in sets]
        sizes.append(sum(sum(e in s for s in drawn) >= quorum for e in range(table.shape[1])))
        overlaps.append(jaccard(drawn))
    return {"members": members, "jaccard": jaccard(sets), "mass": float(table[:, members].sum() / table.sum()),
            "chance": float(numpy.mean(sizes)), "chance_jaccard": float(numpy.mean(overlaps))}


def specialisation(table):
    """Coefficient of variation over domains, and Jensen-Shannon divergence in bits from the layer, of every expert."""
    share = table / table.sum(1, keepdims=True)
    pooled = table.sum(1) / table.sum()
    return {"domain_cv": share.std(0) / share.mean(0),
            "divergence": numpy.array([distance.jensenshannon(table[:, e] / table[:, e].sum(), pooled, base=2) ** 2 for e in range(table.shape[1])]),
            "dispatch_entropy": float(stats.entropy(table / table.sum(0), axis=0) @ (table.sum(0) / table.sum()))}


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
    null_information, strays, null_specialisation = [], [], []
    for _ in range(DRAWS // 4):
        drawn = by_domain(counts, generator.permutation(domain), rule["domains"])
        null_information.append(information(drawn))
        null_specialisation.append(specialisation(drawn))
        strays.append(numpy.abs(drawn / drawn.sum(1, keepdims=True) - overall))
    strays = numpy.array(strays)
    boot_information = [information(numpy.stack([(w * (domain == d)) @ counts for d in range(rule["domains"])])) for w in weights[:4000]]
    tokens = numpy.bincount(domain) * rule["tokens_per_document"]
    ratio_of_odds, z_tokens = log_odds(table, tokens, 100.0)
    plain = lambda value: numpy.asarray(value).tolist()
    nulls = {name: plain(numpy.mean([draw[name] for draw in null_specialisation], axis=0)) for name in null_specialisation[0]}
    return {
        "log_odds": ratio_of_odds.tolist(),
        "z_tokens": z_tokens.tolist(),
        "z": ((share - overall) / numpy.sqrt((strays**2).mean(0))).tolist(),
        "specialisation": {name: plain(value) for name, value in specialisation(table).items()},
        "specialisation_null": nulls,
        "committee": committee(table, 0.5, 0.9),
        "difference": ((table[0] / tokens[0]) - table[1:].sum(0) / tokens[1:].sum()).tolist(),
        "difference_interval": numpy.quantile(
            [rule["top_k"] * (rates[0] / rates[0].sum() - rates[1:].sum(0) / rates[1:].sum()) for rates in
             (numpy.stack([(w * (domain == d)) @ counts for d in range(rule["domains"])]) for w in weights[:4000])],
            [0.025, 0.975], axis=0).tolist(),
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
