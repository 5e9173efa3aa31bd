// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/position_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "core/analysis/kept_chunks.h"

namespace moescope {

std::size_t distanceBin(std::uint64_t distance) {
  return static_cast<std::size_t>(std::bit_width(distance));
}

PositionGrid positionGrid(const TraceInfo& info, std::int64_t bins) {
  constexpr std::uint64_t longest = 1 << 20;  // of windows that a trace does not name
  const std::uint64_t length = info.length > 0 ? static_cast<std::uint64_t>(info.length) : longest;
  return {.bins = static_cast<std::size_t>(bins), .distances = distanceBin(length - 1) + 1};
}

Expected<DocumentLengths> documentLengths(const Trace& trace, const TraceFilter& filter, Job& job) {
  DocumentLengths lengths;
  lengths.tokens.assign(trace.info().documents.size(), 0);
  std::vector<std::uint8_t> domains(trace.info().domains.size());
  TRY_DO(eachKeptChunk(trace, filter, 0, {0}, pollOf(job, "measuring documents", 0, 20),
                       [&](const TraceChunk& chunk, const std::vector<std::uint8_t>& keep) {
                         for (std::size_t token = 0; token < keep.size(); ++token) {
                           if (!keep[token]) continue;
                           ++lengths.tokens[chunk.document[token]];
                           ++lengths.all;
                           domains[chunk.domain[token]] = 1;
                         }
                       }));
  lengths.documents = std::ranges::count_if(lengths.tokens, [](std::int64_t tokens) { return tokens > 0; });
  lengths.domains = std::ranges::count(domains, 1);
  if (lengths.all == 0) return usageError("no token of the trace is left by the filters domains and classes");
  return lengths;
}

Expected<PositionTable> tabulatePositions(const Trace& trace, const TraceFilter& filter, const DocumentLengths& lengths,
                                          const PositionGrid& grid, std::size_t layer, const Poll& poll) {
  constexpr double mostCells = 1ull << 30;
  const TraceLayer& of = trace.info().layers[layer];
  PositionTable table{.experts = static_cast<std::size_t>(of.numExperts), .rows = grid.rows(), .counts = {}};
  const std::size_t width = table.experts * table.rows, columns = static_cast<std::size_t>(of.columns());
  const double cells = static_cast<double>(lengths.documents) * static_cast<double>(width);
  if (cells > mostCells)
    return environmentError(fmt::format(
        "one layer's table of {} documents by {} places by {} experts would be larger than 4 GiB: take fewer "
        "bins, or filter by domains",
        lengths.documents, table.rows, table.experts));
  table.counts.assign(static_cast<std::size_t>(cells), 0);
  std::vector<std::size_t> row(lengths.tokens.size());
  for (std::size_t document = 0, next = 0; document < row.size(); ++document)
    row[document] = lengths.tokens[document] > 0 ? next++ : 0;
  std::vector<std::int64_t> seen(lengths.tokens.size());
  const auto window = trace.info().length > 0 ? static_cast<std::uint64_t>(trace.info().length) : 1ull << 20;
  TRY_DO(eachKeptChunk(trace, filter, 0, {static_cast<int>(layer)}, poll,
                       [&](const TraceChunk& chunk, const std::vector<std::uint8_t>& keep) {
                         for (std::size_t token = 0; token < keep.size(); ++token) {
                           if (!keep[token]) continue;
                           const std::uint32_t document = chunk.document[token];
                           const auto bin = static_cast<std::size_t>(
                               seen[document]++ * static_cast<std::int64_t>(grid.bins) / lengths.tokens[document]);
                           const std::size_t distance = grid.bins + distanceBin(chunk.position[token] % window);
                           std::uint32_t* counts = table.counts.data() + row[document] * width;
                           for (std::size_t rank = 0; rank < columns; ++rank) {
                             const std::uint16_t e = chunk.layers[0].expert[token * columns + rank];
                             if (e == noExpert) continue;
                             ++counts[bin * table.experts + e];
                             ++counts[distance * table.experts + e];
                           }
                         }
                       }));
  return table;
}

}  // namespace moescope
