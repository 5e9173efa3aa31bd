// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>

#include "core/analysis/counted_trace.h"

namespace moescope {

// Reads the tokens that the filters of a request leave, chunk by chunk in their order, with the columns asked for, and
// hands each chunk to `visit`. Progress runs from `from` to `to`. The trace's own layers, or only `layers`.
struct RoutedReading {
  unsigned columns = 0;  // Trace::weights, ...
  std::vector<int> layers = {};
  double from = 0, to = 1;
  std::string stage = "reading the trace";
  std::int64_t most = 0;  // tokens kept at most; 0 = all
};
Expected<void> readRouted(const Artifact& trace, const Parameters& set, const RoutedReading& reading, Job& job,
                          const std::function<void(const TraceChunk&)>& visit);

// Numbers of the trace's domains among those that the filters leave, as counted tables have them.
Expected<std::vector<std::uint16_t>> domainNumbers(const Artifact& trace, const Parameters& set);

}  // namespace moescope
