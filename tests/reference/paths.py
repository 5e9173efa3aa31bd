#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dendrograms, pairs of experts, transitions and caches a second time, in numpy and scipy or by trying everything. Writes
paths.json beside itself; tests/statistics and tests/analysis compare.

Run with numpy 1.24 or newer and scipy 1.11 or newer; the tests themselves read only the JSON."""
import itertools
import json
import pathlib

import numpy
from scipy import optimize, special, stats
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

import made_trace

RULES = {
    "even": dict(layers=2, experts=8, top_k=2, domains=3, documents=40, tokens_per_document=60, preference=0),
    "specialised": dict(layers=3, experts=8, top_k=2, domains=3, documents=40, tokens_per_document=60, preference=60),
}
LENGTHS = [4, 16, 64, 256]
LAGS = [1, 2, 4, 8, 16, 32]


def shortest(merges, distance):
    """The least sum of distances between neighbours over all orders that the tree allows, by the recursion itself. (The
    order of scipy 1.17's optimal_leaf_ordering is longer for some of these.)"""
    n = len(merges) + 1
    leaves = {i: [i] for i in range(n)}
    best = {i: numpy.where(numpy.eye(n)[i][:, None] * numpy.eye(n)[i] > 0, 0.0, numpy.inf) for i in range(n)}
    for node, (a, b) in enumerate(merges[:, :2].astype(int), start=n):
        leaves[node] = leaves[a] + leaves[b]
        best[node] = numpy.full((n, n), numpy.inf)
        for x, y in ((a, b), (b, a)):
            # [left end, inner left] + [inner left, inner right] + [inner right, right end], in min and plus.
            half = (best[x][:, :, None] + distance[None]).min(1)
            best[node] = numpy.minimum(best[node], (half[:, :, None] + best[y][None]).min(1))
    return float(best[2 * n - 2].min())


def linkages(generator):
    out = []
    for n in (2, 3, 7, 24, 60):
        distance = generator.random((n, n))
        distance = numpy.round((distance + distance.T) / 2, 9)
        numpy.fill_diagonal(distance, 0)
        flat = squareform(distance)
        merges = hierarchy.linkage(flat, "average")
        out.append({"distance": distance.ravel().tolist(), "merges": merges.tolist(), "length": shortest(merges, distance)})
    return out


def sets_with(weight, k):
    """Inclusions and joint inclusions of sets drawn by the product of their weights, by listing all of them."""
    n = len(weight)
    joint, total = numpy.zeros((n, n)), 0.0
    for chosen in itertools.combinations(range(n), k):
        p = numpy.prod(weight[list(chosen)])
        total += p
        joint[numpy.ix_(chosen, chosen)] += p
    return joint / total


def joint_for(inclusion, k):
    """The weights that give these inclusions, by a general solver."""
    n = len(inclusion)

    def off(logs):
        return sets_with(numpy.exp(numpy.append(logs, 0.0)), k).diagonal()[:-1] - inclusion[:-1]

    start = numpy.log(inclusion / (1 - inclusion))
    found = optimize.root(off, (start - start[-1])[:-1], tol=1e-13)
    return sets_with(numpy.exp(numpy.append(found.x, 0.0)), k)


def sets(generator):
    out = []
    for n, k in ((2, 1), (4, 2), (7, 3), (9, 5), (8, 7)):
        joint = sets_with(numpy.exp(generator.normal(size=n)), k)
        out.append({"size": k, "inclusion": joint.diagonal().tolist(), "joint": joint.ravel().tolist()})
    return out


def partitions(n):
    def grow(prefix, groups):
        if len(prefix) == n:
            yield prefix
            return
        for g in range(groups + 1):
            yield from grow(prefix + [g], max(groups, g + 1))

    return grow([0], 1)


def modularity(weight, group):
    weight = weight * (1 - numpy.eye(len(weight)))
    strength, total = weight.sum(1), weight.sum()
    same = numpy.equal.outer(group, group)
    return float((weight[same].sum() - numpy.outer(strength, strength)[same].sum() / total) / total)


def networks(generator):
    out = []
    for blocks in ((4, 4), (3, 3, 2), (2, 2, 2, 2)):
        group = numpy.repeat(numpy.arange(len(blocks)), blocks)
        weight = numpy.where(numpy.equal.outer(group, group), 20.0, 3.0) + generator.integers(0, 4, (8, 8))
        weight = weight + weight.T
        best = max(partitions(8), key=lambda g: modularity(weight, numpy.array(g)))
        out.append({"weight": weight.ravel().tolist(), "best": modularity(weight, numpy.array(best)), "group": list(best)})
    return out


def tails():
    hyper = [(50, 10, 12, 5), (50, 10, 12, 0), (50, 10, 12, 10), (1000, 300, 280, 70), (1000, 300, 280, 120), (20, 15, 12, 7), (100000, 3000, 2500, 190)]
    binomial = [(50, 0.1, 9), (50.5, 0.1, 2.25), (100000, 0.02, 2200), (100000, 0.02, 1700), (12, 0.5, 0), (12, 0.5, 12)]
    return {
        "hypergeometric": [[*case, float(stats.hypergeom.sf(case[3] - 1, case[0], case[1], case[2])), float(stats.hypergeom.cdf(case[3], case[0], case[1], case[2]))] for case in hyper],
        "binomial": [[n, p, x, 1.0 if x == 0 else float(special.betainc(x, n - x + 1, p)), 1.0 if x == n else float(special.betainc(n - x, x + 1, 1 - p))] for n, p, x in binomial],
    }


def design_effect(counts, tokens):
    """Between-document variance of counts over the binomial one."""
    total, n = counts.sum(0), tokens.sum()
    between = ((counts - numpy.outer(tokens, total / n)) ** 2).sum(0) * len(tokens) / (len(tokens) - 1)
    return float(max(1, between.sum() / (total * (1 - total / n)).sum()))


def membership(ids, experts):
    held = numpy.zeros((len(ids), experts))
    numpy.put_along_axis(held, ids, 1, axis=1)
    return held


def two_sided(above, below):
    return min(1.0, 2 * min(above, below))


def pairs(rule):
    out, p = [], []
    per_document = numpy.full(rule["documents"], rule["tokens_per_document"], float)
    for layer in range(rule["layers"]):
        held = membership(made_trace.experts(rule, layer), rule["experts"])
        n, together = len(held), held.T @ held
        share = held.sum(0) / n
        joint = joint_for(share, rule["top_k"])
        effect = design_effect(made_trace.counts_by_document(rule, layer).astype(float), per_document)
        for i, j in itertools.combinations(range(rule["experts"]), 2):
            trials, x = n / effect, together[i, j] / effect
            p.append(two_sided(special.betainc(x, trials - x + 1, joint[i, j]) if x > 0 else 1, special.betainc(trials - x, x + 1, 1 - joint[i, j])))
        distance = (n * joint + 1) / (together + n * joint + 2)
        numpy.fill_diagonal(distance, 0)
        flat = squareform(distance)
        merges = hierarchy.linkage(flat, "average")
        out.append({
            "count": together.ravel().tolist(),
            "expected": (n * joint).ravel().tolist(),
            "effect": effect,
            "heights": merges[:, 2].tolist(),
            "length": shortest(merges, distance),
        })
    return {"layers": out, "q": stats.false_discovery_control(p, method="bh").tolist()}


def neighbour_pairs(rule, layer):
    """OLMoE's script: pairs of neighbours in the order of the weights."""
    ids, experts = made_trace.experts(rule, layer), rule["experts"]
    single, pair = numpy.bincount(ids.ravel(), minlength=experts), numpy.zeros((experts, experts))
    for row in ids:
        for a, b in zip(row[:-1], row[1:]):
            pair[a, b] += 1
            pair[b, a] += 1
    share = pair / single[:, None]
    chosen = []
    for cell in sorted(range(experts * experts), key=lambda c: -share.ravel()[c]):
        for expert in divmod(cell, experts):
            if share.ravel()[cell] > 0 and expert not in chosen:
                chosen.append(expert)
    chosen = chosen[:16]
    return {"experts": [int(e) for e in chosen], "percent": (100 * share[numpy.ix_(chosen, chosen)]).ravel().tolist()}


def transitions(rule, first, second):
    a, b = made_trace.experts(rule, first), made_trace.experts(rule, second)
    experts, k = rule["experts"], rule["top_k"]
    held, coming = membership(a, experts), membership(b, experts)
    n, count = len(a), held.T @ coming
    ranked = numpy.zeros((experts, experts))
    for r in range(k):
        numpy.add.at(ranked, (a[:, r], b[:, r]), 1)
    joint = count / count.sum()
    information = float(stats.entropy(joint.ravel(), numpy.outer(joint.sum(1), joint.sum(0)).ravel()))
    tokens = numpy.full(rule["documents"], rule["tokens_per_document"], float)
    effect = max(design_effect(made_trace.counts_by_document(rule, l).astype(float), tokens) for l in (first, second))
    p = []
    for i in range(experts):
        for j in range(experts):
            size = [int(numpy.floor(x / effect + 0.5)) for x in (n, held[:, i].sum(), coming[:, j].sum(), count[i, j])]
            p.append(two_sided(stats.hypergeom.sf(size[3] - 1, *size[:3]), stats.hypergeom.cdf(size[3], *size[:3])))
    return {"count": count.ravel().tolist(), "ranked": ranked.ravel().tolist(), "information": information,
            "floor": (experts - k) ** 2 * effect / (2 * n * k * k), "p": p}


def independent_information(generator):
    """Mean information that independent layers show, by drawing them: what the closed form of the floor says."""
    n, experts, k = 400, 12, 3
    values = []
    for _ in range(2000):
        a, b = (membership(numpy.argpartition(generator.random((n, experts)), k, axis=1)[:, :k], experts) for _ in range(2))
        joint = a.T @ b
        joint /= joint.sum()
        values.append(stats.entropy(joint.ravel(), numpy.outer(joint.sum(1), joint.sum(0)).ravel()))
    return {"tokens": n, "experts": experts, "k": k, "mean": float(numpy.mean(values))}


def lru(ids, size):
    cache, seen, hits, asked = [], set(), 0, 0
    for row in ids:
        for expert in row:
            if expert in seen:
                asked += 1
                hits += expert in cache
        for expert in reversed(row):
            seen.add(expert)
            cache = [expert] + [other for other in cache if other != expert]
        cache = cache[:size]
    return hits / asked


def simulated(ids, size, worth):
    """worth(token, expert) is lowest for what goes."""
    cache, seen, hits, asked = [], set(), 0, 0
    for token, row in enumerate(ids):
        for expert in row:
            if expert in seen:
                asked += 1
                hits += expert in cache
        for expert in row:
            if expert in cache:
                continue
            if len(cache) == size:
                cache.remove(min((other for other in cache if other not in row), key=lambda other: worth(token, other)))
            cache.append(expert)
        seen.update(row)
    return hits / asked


def lfu(ids, size):
    def worth(token, expert):
        uses = [t for t in range(token + 1) if expert in ids[t]]
        return len(uses), uses[-1]

    return simulated(ids, size, worth)


def belady(ids, size):
    def worth(token, expert):
        return -next((t for t in range(token + 1, len(ids)) if expert in ids[t]), len(ids) + 1)

    return simulated(ids, size, worth)


def locality(rule, layer):
    ids = made_trace.experts(rule, layer)
    experts, k = rule["experts"], rule["top_k"]
    documents = ids.reshape(rule["documents"], rule["tokens_per_document"], k)
    same = numpy.mean([d[1:, 0] == d[:-1, 0] for d in documents])
    meets = numpy.mean([len(set(x) & set(y)) > 0 for d in documents for x, y in zip(d[1:], d[:-1])])
    overlap = [float(numpy.mean([len(set(d[t]) & set(d[t - lag])) / k for d in documents for t in range(lag, len(d))])) for lag in LAGS]
    first = numpy.bincount(ids[:, 0], minlength=experts) / len(ids)
    u = numpy.bincount(ids.ravel(), minlength=experts) / len(ids)
    srp, working, covered = [], [], []
    for m in LENGTHS:
        windows = [membership(d, experts)[t : t + m].sum(0) for d in documents for t in range(len(d) - m + 1)]
        if not windows:
            srp.append(None), working.append(None)
            continue
        c = numpy.array(windows)
        srp.append(float(max(2 * c[c >= q].sum() / (m * (c >= q).sum() + c.sum()) for q in range(m + 1))))
        working.append(float((c > 0).sum(1).mean()))
    blocks = numpy.array([membership(d, experts)[t : t + 16].sum(0) for d in documents for t in range(0, len(d) - 15, 16)])
    covered = (numpy.cumsum(-numpy.sort(-blocks, axis=1), axis=1).sum(0) / blocks.sum()).tolist()
    listed = ids.tolist()
    short = listed[:400]
    return {
        "repetition": float(same), "chance": float((first**2).sum()), "meeting": float(meets), "overlap": overlap,
        "matched": float((u**2).sum() / k), "srp": srp, "working": working, "covered": covered,
        "lru": [lru(listed, s) for s in range(k, experts + 1)],
        "lfu": [lfu(short, s) for s in range(k, experts + 1)],
        "belady": [belady(short, s) for s in range(k, experts + 1)],
    }


def budgets(generator):
    """The best way to share slots, by trying all of them."""
    gain = [numpy.append(0, numpy.cumsum(generator.random(5))).tolist() for _ in range(4)]
    best = max((s for s in itertools.product(range(1, 6), repeat=4) if sum(s) == 11), key=lambda s: sum(g[n] for g, n in zip(gain, s)))
    return {"gain": gain, "slots": 11, "best": float(sum(g[n] for g, n in zip(gain, best)))}


def main():
    generator = numpy.random.default_rng(7)
    out = {"linkages": linkages(generator), "sets": sets(generator), "networks": networks(generator), "tails": tails(),
           "budgets": budgets(generator), "independent": independent_information(generator), "traces": {}}
    for name, rule in RULES.items():
        gaps = [transitions(rule, l, l + 1) for l in range(rule["layers"] - 1)]
        out["traces"][name] = {
            "rule": rule, "pairs": pairs(rule), "published": neighbour_pairs(rule, 0), "transitions": gaps,
            "transition_q": stats.false_discovery_control(sum((g.pop("p") for g in gaps), []), method="bh").tolist(),
            "skip": transitions(rule, 0, rule["layers"] - 1)["count"],
            "locality": [locality(rule, layer) for layer in range(rule["layers"])],
        }
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
