# SPDX-License-Identifier: Apache-2.0
"""Expert reuse along the text: the formulas are in plugin.json, "help"."""
import numpy

import moescope_plugin as plugin


class LayerSums:
    """Whole numbers of one layer, so that the answer does not depend on how the trace is cut into blocks."""

    def __init__(self, experts, lags):
        self.first = numpy.zeros(experts, dtype=numpy.int64)  # tokens by first-choice expert
        self.used = numpy.zeros(experts, dtype=numpy.int64)  # tokens by any of their experts
        self.equal = numpy.zeros(lags, dtype=numpy.int64)
        self.pairs = numpy.zeros(lags, dtype=numpy.int64)
        self.shared = self.slots = self.tokens = 0

    def add(self, expert, document, fresh, lags):
        """expert [tokens, k] with what was carried over before the `fresh` first new token."""
        first, tokens = expert[:, 0], len(expert)
        new = expert[fresh:]
        self.first += numpy.bincount(new[:, 0][new[:, 0] >= 0], minlength=len(self.first))
        self.used += numpy.bincount(new[new >= 0], minlength=len(self.used))
        self.tokens += tokens - fresh
        for lag in range(1, lags + 1):
            begin = max(fresh, lag)
            if begin >= tokens:
                break
            here, there = slice(begin, tokens), slice(begin - lag, tokens - lag)
            pair = (document[here] == document[there]) & (first[here] >= 0) & (first[there] >= 0)
            self.pairs[lag - 1] += int(pair.sum())
            self.equal[lag - 1] += int((pair & (first[here] == first[there])).sum())
        begin = max(fresh, 1)
        if begin < tokens:
            here, there = expert[begin:], expert[begin - 1:-1]
            same = document[begin:] == document[begin - 1:-1]
            both = (here[:, :, None] == there[:, None, :]) & (here >= 0)[:, :, None]
            self.shared += int(both[same].sum())
            self.slots += int((here[same] >= 0).sum())


def work(request):
    trace, lags = plugin.Trace(request.input("trace")), int(request.set["lags"])
    sums = [LayerSums(layer.experts, lags) for layer in trace.layers]
    carried = [None] * len(sums)  # the last `lags` tokens of the block before
    documents, done = numpy.empty(0, dtype=numpy.uint32), 0
    for block in trace.blocks():
        counted = block.token_class != 1
        document = numpy.concatenate([documents, block.document[counted]])
        for index, layer in enumerate(sums):
            expert = block.expert(index)[counted]
            before = carried[index] if carried[index] is not None else expert[:0]
            both = numpy.concatenate([before, expert])
            layer.add(both, document, len(before), lags)
            carried[index] = both[-lags:]
        documents = document[-lags:]
        done += len(block.id)
        plugin.progress(done / max(1, trace.tokens), "reading tokens")

    with numpy.errstate(invalid="ignore", divide="ignore"):
        reuse = numpy.array([layer.equal / layer.pairs for layer in sums]).reshape(len(sums), lags)
        chance = [((layer.first / layer.first.sum()) ** 2).sum() for layer in sums]
        expected = numpy.repeat(numpy.array(chance, dtype=float)[:, None], lags, axis=1).reshape(len(sums), lags)
        overlap = numpy.array([numpy.float64(layer.shared) / layer.slots for layer in sums])
        # The mean number of experts that two independent tokens share, over the mean number that one has.
        expected_overlap = numpy.array([((layer.used / layer.tokens) ** 2).sum() / (layer.used.sum() / layer.tokens)
                                        for layer in sums])
        ratio = reuse / expected

    result = plugin.Result()
    result.axis("layer", trace.layer_labels())
    result.axis("lag", range(1, lags + 1))
    result.array("reuse", "share", ["layer", "lag"], reuse, baseline=expected,
                 help="share of tokens whose first-choice expert is that of the token `lag` places before in the document")
    result.array("ratio", "x expectation", ["layer", "lag"], ratio, help="reuse over its expectation under independence")
    result.array("overlap", "share", ["layer"], overlap, baseline=expected_overlap,
                 help="mean share of a token's experts that the token before it in the document used too")
    result.facts["tokens"] = int(sums[0].tokens) if sums else 0
    result.write(request.output("result"))


plugin.run(work)
