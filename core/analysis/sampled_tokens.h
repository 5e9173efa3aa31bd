// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/analysis/counted_trace.h"

namespace moescope {

// Tokens of whole documents, in memory: what analyses need whose null moves labels within or between documents. At most
// about so many tokens as are asked for, so that memory does not grow with the trace.
struct SampledTokens {
  std::vector<std::size_t> start;       // of each document, and the end of the last
  std::vector<std::uint32_t> document;  // by document, its number in the trace
  std::vector<std::uint16_t> domain;    // by document (of its first token), its number in the trace
  std::vector<std::int32_t> id;         // by token
  std::vector<std::uint8_t> tokenClass;
  std::int64_t tokens = 0, documents = 0, domains = 0;  // that the filters leave, sampled or not
  std::size_t pieces() const { return document.size(); }
  std::size_t size() const { return id.size(); }
};
// Documents spread evenly over those that the filters leave; all of them when they have at most `most` tokens, or when
// `most` is 0. Usage error where none is left.
Expected<SampledTokens> sampleTokens(const Trace& trace, const TraceFilter& filter, std::int64_t most, Job& job);

// Experts of the sampled tokens in one layer, [token, columns]; `poll` as in statistics.
Expected<std::vector<std::uint16_t>> sampledExperts(const Trace& trace, const TraceFilter& filter,
                                                    const SampledTokens& sample, std::size_t layer, const Poll& poll);

}  // namespace moescope
