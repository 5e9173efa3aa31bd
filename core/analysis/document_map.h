// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/analysis/counted_trace.h"

namespace moescope {

// A whole document seen from afar: equal blocks of its tokens, for a minimap.
struct DocumentMap {
  std::vector<std::uint64_t> first;    // token of the document with which each block begins
  std::vector<double> loss, mostLoss;  // mean and largest, nats; NaN without losses
  std::vector<double> expert, share;   // [layer, block]: the most frequent first choice and its share; -1 and NaN
};
// Tokens [first, first + count) of the trace in at most `blocks` blocks; tokens that the filter leaves out stay out.
Expected<DocumentMap> mapDocument(const Trace& trace, const TraceFilter& filter, std::uint64_t first,
                                  std::uint64_t count, std::size_t blocks, const Poll& poll);

}  // namespace moescope
