// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "core/analysis/token_chunks.h"

namespace moescope {

// Where two traces of what should be the same tokens part, in words; empty where documents, ids and positions are the
// same throughout. Reads the token columns of both.
Expected<std::string> firstDifference(const Trace& one, const std::string& oneTitle, const Trace& other,
                                      const std::string& otherTitle, const Poll& poll);

using AlignedVisitor = std::function<Expected<void>(std::span<const TraceChunk> chunks)>;
// Reads traces of the same tokens in step: chunk i of the visited ones is of trace i. The filter is the first trace's;
// `layers` as Trace::read. Input error where they do not hold equally many tokens.
Expected<void> eachAligned(std::span<const Trace> traces, const TraceFilter& filter, const std::vector<int>& layers,
                           const Poll& poll, const AlignedVisitor& visit);

// Sums over tokens of two choices of experts.
struct SetOverlap {
  enum Cell : std::size_t { common, smaller, together, sameSet, sameFirst, tokens, cells };
};
// Adds one token to `row` [SetOverlap::cells]: how many experts both hold, the size of the smaller set, of the union,
// and whether sets and first choices are the same. An entry >= experts is none; `numberOf` renames the second's
// experts, empty leaves them.
void addOverlap(std::span<const std::uint16_t> one, std::span<const std::uint16_t> other,
                std::span<const std::uint16_t> numberOf, std::span<double> row);

}  // namespace moescope
