// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/surprising_tokens.h"

#include <algorithm>
#include <cmath>

#include "core/trace/chunk.h"

namespace moescope {

namespace {

constexpr std::uint64_t tokensPerRead = 1 << 16;

struct Candidate {
  float loss;
  std::uint64_t token;  // the one after which the loss is
  std::uint8_t tokenClass;
};
// Larger loss first, then the earlier token: a heap of these has the least surprising one on top.
bool moreSurprising(const Candidate& a, const Candidate& b) {
  return a.loss != b.loss ? a.loss > b.loss : a.token < b.token;
}

}  // namespace

Expected<std::vector<SurprisingToken>> surprisingTokens(const Trace& trace, const TraceFilter& filter,
                                                        const Vocabulary& vocabulary, std::uint64_t first,
                                                        std::uint64_t count, std::size_t most, const Poll& poll) {
  std::vector<Candidate> heap;
  if (!trace.info().hasLoss || most == 0) return std::vector<SurprisingToken>{};
  for (std::uint64_t done = 0; done < count; done += tokensPerRead) {
    if (!poll(static_cast<double>(done) / static_cast<double>(count))) return cancelledError();
    TRY(chunk, trace.read(first + done, std::min(tokensPerRead, count - done), Trace::loss, {0}));
    const std::vector<std::uint8_t> keep = keptTokens(filter, chunk);
    for (std::size_t token = 0; token < keep.size(); ++token) {
      if (!keep[token] || chunk.next[token] < 0 || std::isnan(chunk.loss[token])) continue;
      const Candidate candidate{chunk.loss[token], first + done + token, chunk.tokenClass[token]};
      if (heap.size() == most && !moreSurprising(candidate, heap.front())) continue;
      if (heap.size() == most) {
        std::ranges::pop_heap(heap, moreSurprising);
        heap.pop_back();
      }
      heap.push_back(candidate);
      std::ranges::push_heap(heap, moreSurprising);
    }
  }
  std::ranges::sort_heap(heap, moreSurprising);
  std::vector<SurprisingToken> tokens;
  for (const Candidate& candidate : heap) {
    const std::uint64_t start = candidate.token - std::min<std::uint64_t>(candidate.token, contextTokens),
                        stop = std::min(trace.tokens(), candidate.token + 2 + contextTokens);
    TRY(chunk, trace.read(start, stop - start, 0, {0}));
    // A capture of part of a document ends with a token whose next one is not there: its text alone is known.
    const auto at = static_cast<std::size_t>(candidate.token - start);
    const bool there = at + 1 < chunk.tokens() && chunk.document[at + 1] == chunk.document[at];
    SurprisingToken token{placeOf(chunk, vocabulary, there ? at + 1 : at, 1), candidate.loss, candidate.tokenClass};
    if (!there) {
      token.place.before += token.place.found;
      ++token.place.position;
      token.place.found = tokenBytes(vocabulary, chunk.next[at]);
    }
    token.place.token = candidate.token + (there ? 1 : 0);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace moescope
