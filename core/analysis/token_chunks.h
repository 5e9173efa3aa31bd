// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/analysis/counted_trace.h"

// What the additive counters do not hold is read token by token, in chunks: memory does not grow with the trace.
namespace moescope {

using ChunkVisitor = std::function<Expected<void>(const TraceChunk& chunk)>;

// Calls visit with the tokens that the filter leaves, chunk after chunk in the trace's order (a chunk may be empty);
// `columns` and `layers` as Trace::read. Domains are numbered among the chosen ones, as in CountedTrace.
Expected<void> eachChunk(const Trace& trace, const TraceFilter& filter, unsigned columns,
                         const std::vector<int>& layers, const Poll& poll, const ChunkVisitor& visit);

// The row of each document among those with tokens (the order of documentTable), -1 for the others.
std::vector<std::int64_t> documentRows(const CountedTrace& counted);

// What reading the trace adds to an estimate: `columns` as Trace::read.
Expected<Cost> readingCost(const Artifact& trace, unsigned columns);

// The number of the domain among the chosen ones, -1 where it is left out.
std::vector<int> domainNumbers(const TraceFilter& filter);

}  // namespace moescope
