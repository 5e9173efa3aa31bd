// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/analysis/counted_trace.h"

namespace moescope {

// Where the tokens stand that each expert gets: by equal parts of their document, and by distance from the start of
// the model's window, in powers of two (0, 1, 2-3, 4-7, ...).
struct PositionGrid {
  std::size_t bins = 10, distances = 1;
  std::size_t rows() const { return bins + distances; }
};
PositionGrid positionGrid(const TraceInfo& info, std::int64_t bins);
std::size_t distanceBin(std::uint64_t distance);

// Tokens of each document that the filters leave.
struct DocumentLengths {
  std::vector<std::int64_t> tokens;  // [documents]
  std::int64_t all = 0, documents = 0, domains = 0;
};
Expected<DocumentLengths> documentLengths(const Trace& trace, const TraceFilter& filter, Job& job);

// Assignments of one layer by document, place and expert: [documents with tokens, grid rows, experts]. Memory grows
// with the documents, not with the tokens. Environment error when it would be larger than 4 GiB.
struct PositionTable {
  std::size_t experts = 0, rows = 0;
  std::vector<std::uint32_t> counts;
  std::size_t documents() const { return counts.size() / (experts * rows); }
  const std::uint32_t* of(std::size_t document) const { return counts.data() + document * experts * rows; }
};
Expected<PositionTable> tabulatePositions(const Trace& trace, const TraceFilter& filter, const DocumentLengths& lengths,
                                          const PositionGrid& grid, std::size_t layer, const Poll& poll);

}  // namespace moescope
