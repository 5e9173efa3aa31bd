// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/token_chunks.h"

#include <algorithm>

#include "core/trace/chunk.h"

namespace moescope {

namespace {

constexpr std::uint64_t tokensPerRead = 1 << 14;
// Decompressing and checking, measured on one core: ids are bytes, logits halves.
constexpr double secondsPerId = 4e-9, secondsPerLogit = 6e-9, secondsPerToken = 1e-7;

}  // namespace

std::vector<int> domainNumbers(const TraceFilter& filter) {
  std::vector<int> number(filter.domain.size(), -1);
  int next = 0;
  for (std::size_t domain = 0; domain < number.size(); ++domain)
    if (filter.domain[domain]) number[domain] = next++;
  return number;
}

Expected<void> eachChunk(const Trace& trace, const TraceFilter& filter, unsigned columns,
                         const std::vector<int>& layers, const Poll& poll, const ChunkVisitor& visit) {
  const std::vector<int> number = domainNumbers(filter);
  for (std::uint64_t first = 0; first < trace.tokens(); first += tokensPerRead) {
    if (!poll(static_cast<double>(first) / static_cast<double>(trace.tokens()))) return cancelledError();
    TRY(chunk, trace.read(first, std::min(tokensPerRead, trace.tokens() - first), columns, layers));
    const std::vector<std::uint8_t> keep = keptTokens(filter, chunk);
    if (std::find(keep.begin(), keep.end(), std::uint8_t{0}) != keep.end()) chunk = keepTokens(chunk, keep);
    if (filter.byDomain)
      for (std::uint16_t& domain : chunk.domain) domain = static_cast<std::uint16_t>(number[domain]);
    TRY_DO(visit(chunk));
  }
  return {};
}

std::vector<std::int64_t> documentRows(const CountedTrace& counted) {
  std::vector<std::int64_t> rows;
  std::int64_t next = 0;
  for (std::int64_t tokens : counted.counters.tokensByDocument) rows.push_back(tokens > 0 ? next++ : -1);
  return rows;
}

Expected<Cost> readingCost(const Artifact& artifact, unsigned columns) {
  TRY(trace, Trace::open(artifact.path));
  double ids = 0, logits = 0;
  for (const TraceLayer& layer : trace.info().layers) {
    ids += static_cast<double>(layer.columns()) * (columns & Trace::weights ? 3 : 1);
    if (columns & Trace::logits && trace.info().hasLogits) logits += static_cast<double>(layer.numExperts);
  }
  return Cost{.memory = static_cast<std::uint64_t>(static_cast<double>(tokensPerRead) * (8 * ids + 4 * logits + 64)),
              .seconds = static_cast<double>(trace.tokens()) *
                         (secondsPerToken + secondsPerId * ids + secondsPerLogit * logits)};
}

}  // namespace moescope
