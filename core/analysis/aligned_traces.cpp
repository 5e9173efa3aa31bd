// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/aligned_traces.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/trace/chunk.h"

namespace moescope {

namespace {

constexpr std::uint64_t tokensPerRead = 1 << 14;

}  // namespace

Expected<std::string> firstDifference(const Trace& one, const std::string& oneTitle, const Trace& other,
                                      const std::string& otherTitle, const Poll& poll) {
  if (one.tokens() != other.tokens())
    return fmt::format("{} holds {} tokens and {} holds {}", oneTitle, one.tokens(), otherTitle, other.tokens());
  if (one.info().documents != other.info().documents || one.info().domains != other.info().domains)
    return fmt::format("the documents or domains of {} and {} are not the same, or not in the same order", oneTitle,
                       otherTitle);
  for (std::uint64_t first = 0; first < one.tokens(); first += tokensPerRead) {
    if (!poll(static_cast<double>(first) / static_cast<double>(one.tokens()))) return cancelledError();
    const std::uint64_t count = std::min(tokensPerRead, one.tokens() - first);
    TRY(left, one.read(first, count, 0, {0}));
    TRY(right, other.read(first, count, 0, {0}));
    if (left.id == right.id && left.document == right.document && left.position == right.position) continue;
    for (std::size_t at = 0; at < left.tokens(); ++at)
      if (left.id[at] != right.id[at] || left.document[at] != right.document[at] ||
          left.position[at] != right.position[at])
        return fmt::format(
            "token {} is id {} at position {} of document {} in {}, and id {} at position {} of {} in {}", first + at,
            left.id[at], left.position[at], left.document[at], oneTitle, right.id[at], right.position[at],
            right.document[at], otherTitle);
  }
  return std::string();
}

Expected<void> eachAligned(std::span<const Trace> traces, const TraceFilter& filter, const std::vector<int>& layers,
                           const Poll& poll, const AlignedVisitor& visit) {
  const std::vector<int> number = domainNumbers(filter);
  const std::uint64_t tokens = traces.front().tokens();
  for (const Trace& trace : traces)
    if (trace.tokens() != tokens)
      return inputError(fmt::format("traces of {} and {} tokens cannot be read in step", tokens, trace.tokens()));
  for (std::uint64_t first = 0; first < tokens; first += tokensPerRead) {
    if (!poll(static_cast<double>(first) / static_cast<double>(tokens))) return cancelledError();
    std::vector<TraceChunk> chunks;
    std::vector<std::uint8_t> keep;
    for (const Trace& trace : traces) {
      TRY(chunk, trace.read(first, std::min(tokensPerRead, tokens - first), 0, layers));
      if (chunks.empty()) keep = keptTokens(filter, chunk);
      chunk = keepTokens(chunk, keep);
      if (filter.byDomain)
        for (std::uint16_t& domain : chunk.domain) domain = static_cast<std::uint16_t>(number[domain]);
      chunks.push_back(std::move(chunk));
    }
    TRY_DO(visit(chunks));
  }
  return {};
}

void addOverlap(std::span<const std::uint16_t> one, std::span<const std::uint16_t> other,
                std::span<const std::uint16_t> numberOf, std::span<double> row) {
  const auto renamed = [&](std::uint16_t e) { return e < numberOf.size() ? numberOf[e] : e; };
  std::size_t left = 0, right = 0, common = 0;
  for (std::uint16_t e : one) left += e != noExpert;
  for (std::uint16_t e : other) {
    if (e == noExpert) continue;
    ++right;
    common += std::find(one.begin(), one.end(), renamed(e)) != one.end();
  }
  row[SetOverlap::common] += static_cast<double>(common);
  row[SetOverlap::smaller] += static_cast<double>(std::min(left, right));
  row[SetOverlap::together] += static_cast<double>(left + right - common);
  row[SetOverlap::sameSet] += common == left && common == right;
  const bool empty = left == 0 || right == 0;
  row[SetOverlap::sameFirst] += empty ? left == right : one.front() == renamed(other.front());
  row[SetOverlap::tokens] += 1;
}

}  // namespace moescope
