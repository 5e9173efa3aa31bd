# SPDX-License-Identifier: GPL-3.0-or-later
"""The traces of tests/trace/made_trace.h, made again with numpy: same rule, same numbers."""
import numpy

MASK = (1 << 64) - 1


def number(stream, index):
    """splitmix64 of stream and index, for an array of indices."""
    with numpy.errstate(over="ignore"):
        z = numpy.uint64((stream * 0x632BE59BD9B4E019) & MASK) ^ (numpy.asarray(index, numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15))
        z = z + numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        return z ^ (z >> numpy.uint64(31))


def experts(rule, layer):
    """[tokens, k] expert ids of one layer."""
    tokens = numpy.arange(rule["documents"] * rule["tokens_per_document"])
    domain = tokens // rule["tokens_per_document"] % rule["domains"]
    chosen = []
    for rank in range(rule["top_k"]):
        draw = number(layer * 64 + rank, tokens)
        expert = ((draw >> numpy.uint64(32)) % numpy.uint64(rule["experts"])).astype(int)
        if rank == 0:
            preferred = (draw % numpy.uint64(256)).astype(int) < rule["preference"]
            expert = numpy.where(preferred, (domain + layer) % rule["experts"], expert)
        for token in range(len(tokens)):
            while any(expert[token] == earlier[token] for earlier in chosen):
                expert[token] = (expert[token] + 1) % rule["experts"]
        chosen.append(expert)
    return numpy.stack(chosen, axis=1)


def domains(rule):
    return numpy.arange(rule["documents"]) % rule["domains"]


def counts_by_document(rule, layer):
    """[documents, experts]"""
    ids = experts(rule, layer).reshape(rule["documents"], -1)
    return numpy.stack([numpy.bincount(row, minlength=rule["experts"]) for row in ids])


def logits(rule, layer):
    """[tokens, experts] of a rule with logits."""
    tokens = rule["documents"] * rule["tokens_per_document"]
    drawn = number(2000 + layer, numpy.arange(tokens * rule["experts"])) % numpy.uint64(4096)
    return (drawn.astype(float) / 512 - 4).reshape(tokens, rule["experts"])


def loss(rule):
    """[tokens] of a rule with losses."""
    tokens = rule["documents"] * rule["tokens_per_document"]
    return (number(1001, numpy.arange(tokens)) % numpy.uint64(1000)).astype(float) / 100
