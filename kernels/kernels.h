// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>

// Hot loops over routed tokens. The CPU files are the definition: clear loops, exact integer sums, double accumulators.
// `expert` is row-major [tokens, k]; an entry >= E is "no further expert" and is skipped. Sizes are the caller's to check.
// All functions add to what the outputs hold, so that any split of the tokens gives equal sums. Any thread.
namespace moescope::kernels {

// count[e] += assignments to expert e.
void countAssignments(std::span<const std::uint16_t> expert, std::span<std::int64_t> count);

// rank[r, e] += tokens whose r-th choice is e. k = expert.size() / tokens; rank is [k, E].
void countByRank(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts, std::span<std::int64_t> rank);

// grouped[g(t), e] += assignments of token t; group[t] < groups. Domains and documents use this.
void countByGroup(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts, std::span<const std::uint32_t> group,
                  std::span<std::int64_t> grouped);

// joint[a, b] += tokens whose set holds both a and b; the diagonal is the count of tokens that hold a.
void countCoactivation(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts, std::span<std::int64_t> joint);

// transition[a, b] += pairs (assignment to a in this layer, assignment to b in the next) of the same token.
void countTransitions(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts, std::span<const std::uint16_t> next,
                      std::int64_t nextK, std::int64_t nextExperts, std::span<std::int64_t> transition);

// sum[e] += round(weight * 2^24), nonfinite[e] += weights that are NaN or infinite (those add nothing to sum).
void sumWeights(std::span<const std::uint16_t> expert, std::span<const float> weight, std::span<std::int64_t> sum,
                std::span<std::int64_t> nonfinite);

// Stable counting sort of assignments by expert (dropless dispatch): order[i] = flat assignment (token * k + rank) at place i,
// offset[e] .. offset[e + 1] are expert e's places; offset has E + 1 entries. Entries >= E are left out.
void sortByExpert(std::span<const std::uint16_t> expert, std::int64_t experts, std::span<std::int64_t> order, std::span<std::int64_t> offset);

}  // namespace moescope::kernels
