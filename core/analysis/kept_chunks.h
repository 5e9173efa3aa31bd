// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <vector>

#include "core/analysis/counted_trace.h"

namespace moescope {

// Reads a trace from its start, chunk by chunk (columns and layers as Trace::read), and calls visit(chunk, keep) with 1
// for every token that the filter keeps. Cancelled error when `poll` says so. Memory does not grow with the trace.
template <class Visit>
Expected<void> eachKeptChunk(const Trace& trace, const TraceFilter& filter, unsigned columns,
                             const std::vector<int>& layers, const Poll& poll, Visit visit) {
  constexpr std::uint64_t step = 1 << 16;
  for (std::uint64_t first = 0; first < trace.tokens(); first += step) {
    if (!poll(static_cast<double>(first) / static_cast<double>(trace.tokens()))) return cancelledError();
    TRY(chunk, trace.read(first, std::min(step, trace.tokens() - first), columns, layers));
    visit(chunk, keptTokens(filter, chunk));
  }
  return {};
}

}  // namespace moescope
