#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""load.balance (batches, ranks, losses), load.time, load.capacity, router.confidence, compare.traces and paths.saturation a
second time, in numpy and scipy, from the definitions. Writes load_oracle.json beside itself; tests/analysis compares."""
import json
import math
import pathlib

import numpy
from scipy import special, stats
from scipy.spatial import distance

import made_trace

RULE = dict(layers=2, experts=8, top_k=2, domains=3, documents=30, tokens_per_document=50, preference=80)
OTHER = dict(RULE, preference=140)
BATCH, RANKS, LENGTH, DRAWS = 256, 4, 20, 20000


def counts(ids, experts):
    return numpy.bincount(numpy.ravel(ids), minlength=experts).astype(float)


def even(load):
    return load.mean() / load.max()


def balance(layer):
    ids, z = made_trace.experts(RULE, layer), made_trace.logits(RULE, layer)
    experts = RULE["experts"]
    whole = len(ids) // BATCH
    batches = numpy.stack([counts(ids[b * BATCH : (b + 1) * BATCH], experts) for b in range(whole)])
    fold = lambda n: n.reshape(RANKS, -1).sum(1)
    relative = batches / batches.mean()
    p = special.softmax(z, axis=1)
    f = counts(ids, experts) / ids.size
    micro = [
        experts * (batches[b] / batches[b].sum()) @ p[b * BATCH : (b + 1) * BATCH].mean(0) for b in range(whole)
    ]
    n = counts(ids, experts)
    return {
        "max_violation_batch": float((batches.max(1) / batches.mean(1) - 1).mean()),
        "max_violation_worst": float((batches.max(1) / batches.mean(1) - 1).max()),
        "imbalance_static": float(relative.mean(0).var()),
        "imbalance_dynamic": float(relative.var(0).mean()),
        "balancedness": float(even(fold(n))),
        "rank_overload": float(1 / even(fold(n))),
        "balancedness_batch": float(numpy.mean([even(fold(b)) for b in batches])),
        "rank_load": (fold(n) / fold(n).mean()).tolist(),
        "lbl": float(experts * f @ p.mean(0)),
        "lbl_slots": float(experts * (ids.shape[1] * f) @ p.mean(0)),
        "lbl_batch": float(numpy.mean(micro)),
        "z_loss": float((special.logsumexp(z, axis=1) ** 2).mean()),
        "z": numpy.histogram(special.logsumexp(z, axis=1), bins=numpy.arange(-8, 8.01, 0.125))[0].tolist(),
        "utilisation_bound": (stats.beta.ppf(0.95, n + 1, len(ids) - n) * experts / ids.shape[1]).tolist(),
        "max_over_mean": float(n.max() / n.mean()),
        "min_over_mean": float(n.min() / n.mean()),
        "kl_uniform": float(stats.entropy(f, numpy.full(experts, 1 / experts))),
        "effective_experts_2": float(1 / (f @ f)),
    }


def pooled():
    """load_balancing_loss_func of transformers, on all layers at once."""
    ids = numpy.concatenate([made_trace.experts(RULE, layer) for layer in range(RULE["layers"])])
    p = numpy.concatenate([special.softmax(made_trace.logits(RULE, layer), axis=1) for layer in range(RULE["layers"])])
    mask = numpy.eye(RULE["experts"])[ids]  # [tokens, k, E]
    return float((mask.mean(0) * p.mean(0)[None]).sum() * RULE["experts"])


def times(layer, bins):
    ids = made_trace.experts(RULE, layer)
    ends = [len(ids) * (b + 1) // bins for b in range(bins)]
    cumulative = numpy.stack([counts(ids[:end], RULE["experts"]) for end in ends])
    window = numpy.diff(cumulative, axis=0, prepend=0)
    return {"ends": ends, "cumulative": cumulative.tolist(), "cv": (window.std(1) / window.mean(1)).tolist()}


def capacity(layer, factors, priority, group):
    """Queues filled one assignment at a time."""
    ids, experts, k = made_trace.experts(RULE, layer), RULE["experts"], RULE["top_k"]
    weight = numpy.tile(1 / (numpy.arange(k) + 2.0), (len(ids), 1))
    position = numpy.arange(len(ids)) % RULE["tokens_per_document"]
    document = numpy.arange(len(ids)) // RULE["tokens_per_document"]
    name = numpy.arange(len(ids)) // group if group else document * 1000 + position // LENGTH
    out = []
    for factor in factors:
        dropped, lost, deciles, assigned = 0, 0, numpy.zeros(10), numpy.zeros(10)
        for g in numpy.unique(name):
            rows = numpy.flatnonzero(name == g)
            room = {e: math.ceil(factor * len(rows) * k / experts - 1e-9) for e in range(experts)}
            everything = [(i, r) for i in range(len(rows)) for r in range(k)]
            if priority == "rank":
                everything.sort(key=lambda at: (at[1], at[0]))
            if priority == "weight":
                everything.sort(key=lambda at: -weight[rows[at[0]], at[1]])
            kept = numpy.zeros(len(rows))
            for i, r in everything:
                assigned[10 * i // len(rows)] += 1
                e = int(ids[rows[i], r])
                if room[e] > 0:
                    room[e] -= 1
                    kept[i] += 1
                else:
                    dropped += 1
                    deciles[10 * i // len(rows)] += 1
            lost += int((kept == 0).sum())
        out.append({"rate": dropped / ids.size, "lost": lost / len(ids), "position": (deciles / assigned).tolist()})
    return out


def bfloat16(x):
    bits = numpy.asarray(x, numpy.float32).view(numpy.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(numpy.uint32).view(numpy.float32)


def top(z, k):
    """Sets as masks; ties to the lower number."""
    order = numpy.argsort(-z, axis=1, kind="stable")[:, :k]
    mask = numpy.zeros(z.shape, bool)
    numpy.put_along_axis(mask, order, True, axis=1)
    return mask


def confidence(layer, sigmas, generator):
    ids, z = made_trace.experts(RULE, layer), made_trace.logits(RULE, layer)
    k, experts = RULE["top_k"], RULE["experts"]
    p = special.softmax(z, axis=1)
    ordered = -numpy.sort(-p, axis=1)
    chosen = numpy.zeros(z.shape, bool)
    numpy.put_along_axis(chosen, ids, True, axis=1)
    margin = lambda s: numpy.where(chosen, s, numpy.inf).min(1) - numpy.where(chosen, -numpy.inf, s).max(1)
    entropy = stats.entropy(p, axis=1) / numpy.log(experts)
    last = numpy.arange(len(ids)) % RULE["tokens_per_document"] == RULE["tokens_per_document"] - 1
    loss = made_trace.loss(RULE)
    domain = numpy.repeat(made_trace.domains(RULE), RULE["tokens_per_document"])
    return {
        "entropy": float(entropy.mean()),
        "entropy_by_domain": [float(entropy[domain == d].mean()) for d in range(RULE["domains"])],
        "top_k_mass": float(ordered[:, :k].sum(1).mean()),
        "probability_gap": float((ordered[:, 0] - ordered[:, 1]).mean()),
        "margin": float(margin(z).mean()),
        "margin_score": float(margin(p).mean()),
        "overruled": float((margin(z) < 0).mean()),
        "logit_scale": float(z.std(1).mean()),
        "curve": ordered.mean(0).tolist(),
        "fragility": [
            float((top(z + sigma * generator.normal(size=z.shape), k) != top(z, k)).any(1).mean()) for sigma in sigmas
        ],
        "fragility_bf16": float((top(bfloat16(z).astype(float), k) != top(z, k)).any(1).mean()),
        "entropy_rho": float(stats.spearmanr(entropy, loss).statistic),
        "margin_rho": float(stats.spearmanr(margin(z), loss).statistic),
    }


def overlaps(a, b):
    common = numpy.array([len(set(x) & set(y)) for x, y in zip(a, b)])
    union = numpy.array([len(set(x) | set(y)) for x, y in zip(a, b)])
    return common, union


def compare(layer, generator):
    a, b = made_trace.experts(RULE, layer), made_trace.experts(OTHER, layer)
    experts, k, documents = RULE["experts"], RULE["top_k"], RULE["documents"]
    one, other = made_trace.counts_by_document(RULE, layer), made_trace.counts_by_document(OTHER, layer)
    ratio = lambda n: n / n.mean(-1, keepdims=True)
    weights = generator.multinomial(documents, numpy.full(documents, 1 / documents), DRAWS)
    drawn = ratio(weights @ other) - ratio(weights @ one)
    difference = ratio(other.sum(0)) - ratio(one.sum(0))
    t = difference / (drawn.std(0, ddof=1) * numpy.sqrt(documents / (documents - 1)))
    common, union = overlaps(a, b)
    domain = numpy.repeat(made_trace.domains(RULE), RULE["tokens_per_document"])
    return {
        "overlap": float(common.mean() / k),
        "popular": float((one.sum(0) / len(a)) @ (other.sum(0) / len(a)) / k),
        "jaccard": float(common.sum() / union.sum()),
        "same_set": float((common == k).mean()),
        "same_first": float((a[:, 0] == b[:, 0]).mean()),
        "overlap_by_domain": [float(common[domain == d].mean() / k) for d in range(RULE["domains"])],
        "difference": difference.tolist(),
        "interval": numpy.quantile(drawn, [0.025, 0.975], axis=0).tolist(),
        "p": numpy.maximum(2 * stats.t.sf(abs(t), documents - 1), 2.0 ** (1 - documents)).tolist(),
        "divergence": float(distance.jensenshannon(one.sum(0), other.sum(0), 2) ** 2),
    }


def saturation(layer):
    rules = [RULE, dict(RULE, preference=120), OTHER]
    sets = [made_trace.experts(rule, layer) for rule in rules]
    first = [s[:, 0] == sets[-1][:, 0] for s in sets]
    return {
        "saturation": [float(overlaps(s, sets[-1])[0].mean() / RULE["top_k"]) for s in sets],
        "first": [float(f.mean()) for f in first],
        "change": [float(1 - overlaps(x, y)[0].mean() / RULE["top_k"]) for x, y in zip(sets, sets[1:])],
        "settled": [float(numpy.all(first[at:], axis=0).mean()) for at in range(len(sets))],
    }


def main():
    generator = numpy.random.default_rng(5)
    layers, factors, sigmas = range(RULE["layers"]), [0.75, 1, 1.5], [0.05, 0.5]
    out = {
        "rule": RULE,
        "other": OTHER,
        "batch": BATCH,
        "ranks": RANKS,
        "length": LENGTH,
        "factors": factors,
        "sigmas": sigmas,
        "balance": [balance(layer) for layer in layers],
        "lbl_hf": pooled(),
        "time": [times(layer, 7) for layer in layers],
        "capacity": {
            f"{priority} {group}": [capacity(layer, factors, priority, group) for layer in layers]
            for priority, group in [("rank", 0), ("token", 0), ("weight", 0), ("rank", 128)]
        },
        "confidence": [confidence(layer, sigmas, generator) for layer in layers],
        "compare": [compare(layer, generator) for layer in layers],
        "saturation": [saturation(layer) for layer in layers],
    }
    pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
