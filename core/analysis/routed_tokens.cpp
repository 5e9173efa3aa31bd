// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/routed_tokens.h"

#include <algorithm>

#include "core/trace/chunk.h"

namespace moescope {

namespace {
constexpr std::uint64_t tokensPerRead = 1 << 14;
}

Expected<void> readRouted(const Artifact& artifact, const Parameters& set, const RoutedReading& reading, Job& job,
                          const std::function<void(const TraceChunk&)>& visit) {
  TRY(trace, Trace::open(artifact.path));
  TRY(filter, traceFilter(trace.info(), set));
  std::int64_t kept = 0;
  for (std::uint64_t first = 0; first < trace.tokens(); first += tokensPerRead) {
    if (job.cancelled()) return cancelledError();
    const double share = reading.most > 0 ? static_cast<double>(kept) / static_cast<double>(reading.most)
                                          : static_cast<double>(first) / static_cast<double>(trace.tokens());
    job.progress(reading.from + (reading.to - reading.from) * share, reading.stage);
    TRY(chunk, trace.read(first, std::min(tokensPerRead, trace.tokens() - first), reading.columns, reading.layers));
    std::vector<std::uint8_t> keep = keptTokens(filter, chunk);
    for (std::uint8_t& each : keep) {
      if (each == 0) continue;
      if (reading.most > 0 && kept == reading.most)
        each = 0;
      else
        ++kept;
    }
    visit(keepTokens(chunk, keep));
    if (reading.most > 0 && kept == reading.most) break;
  }
  return {};
}

Expected<std::vector<std::uint16_t>> domainNumbers(const Artifact& artifact, const Parameters& set) {
  TRY(trace, Trace::open(artifact.path));
  TRY(filter, traceFilter(trace.info(), set));
  std::vector<std::uint16_t> numbers;
  std::uint16_t next = 0;
  for (std::uint8_t kept : filter.domain) numbers.push_back(kept ? next++ : std::uint16_t{0});
  return numbers;
}

}  // namespace moescope
