// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/token_windows.h"

#include <algorithm>
#include <span>

#include "kernels/kernels.h"

namespace moescope {

std::vector<std::int64_t> equalWindows(std::int64_t tokens, std::int64_t size) {
  std::vector<std::int64_t> ends;
  for (std::int64_t end = size; end <= tokens; end += size) ends.push_back(end);
  if (ends.empty()) ends.push_back(tokens);
  return ends;
}

Expected<void> eachWindow(const Trace& trace, const TraceFilter& filter, const std::vector<std::int64_t>& ends,
                          const Poll& poll, const WindowVisitor& visit) {
  WindowCounts counts;
  for (const TraceLayer& layer : trace.info().layers) counts.emplace_back(layer.numExperts);
  std::size_t window = 0;
  std::int64_t position = 0;
  return eachChunk(trace, filter, 0, {}, poll, [&](const TraceChunk& chunk) -> Expected<void> {
    const auto tokens = static_cast<std::int64_t>(chunk.tokens());
    for (std::int64_t first = 0; first < tokens && window < ends.size();) {
      const std::int64_t some = std::min(tokens - first, ends[window] - position);
      for (std::size_t layer = 0; layer < counts.size(); ++layer) {
        const auto columns = static_cast<std::size_t>(trace.info().layers[layer].columns());
        kernels::countAssignments(
            std::span(chunk.layers[layer].expert).subspan(static_cast<std::size_t>(first) * columns, some * columns),
            counts[layer]);
      }
      first += some;
      position += some;
      if (position < ends[window]) continue;
      visit(window++, counts);
      for (std::vector<std::int64_t>& layer : counts) std::fill(layer.begin(), layer.end(), 0);
    }
    return {};
  });
}

}  // namespace moescope
