// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "kernels/kernels.h"

namespace moescope::kernels {

void countAssignments(std::span<const std::uint16_t> expert, std::span<std::int64_t> count) {
  for (std::uint16_t e : expert)
    if (e < count.size()) ++count[e];
}

void countByRank(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts,
                 std::span<std::int64_t> rank) {
  const std::int64_t tokens = k == 0 ? 0 : static_cast<std::int64_t>(expert.size()) / k;
  for (std::int64_t token = 0; token < tokens; ++token)
    for (std::int64_t choice = 0; choice < k; ++choice) {
      const std::int64_t e = expert[token * k + choice];
      if (e < experts) ++rank[choice * experts + e];
    }
}

void countByGroup(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts,
                  std::span<const std::uint32_t> group, std::span<std::int64_t> grouped) {
  for (std::size_t token = 0; token < group.size(); ++token) {
    std::int64_t* row = grouped.data() + static_cast<std::int64_t>(group[token]) * experts;
    for (std::int64_t choice = 0; choice < k; ++choice) {
      const std::int64_t e = expert[token * k + choice];
      if (e < experts) ++row[e];
    }
  }
}

void countCoactivation(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts,
                       std::span<std::int64_t> joint) {
  const std::int64_t tokens = k == 0 ? 0 : static_cast<std::int64_t>(expert.size()) / k;
  for (std::int64_t token = 0; token < tokens; ++token) {
    const std::uint16_t* set = expert.data() + token * k;
    for (std::int64_t left = 0; left < k; ++left) {
      if (set[left] >= experts) continue;
      std::int64_t* row = joint.data() + static_cast<std::int64_t>(set[left]) * experts;
      for (std::int64_t right = 0; right < k; ++right)
        if (set[right] < experts) ++row[set[right]];
    }
  }
}

void countTransitions(std::span<const std::uint16_t> expert, std::int64_t k, std::int64_t experts,
                      std::span<const std::uint16_t> next, std::int64_t nextK, std::int64_t nextExperts,
                      std::span<std::int64_t> transition) {
  const std::int64_t tokens = k == 0 ? 0 : static_cast<std::int64_t>(expert.size()) / k;
  for (std::int64_t token = 0; token < tokens; ++token)
    for (std::int64_t choice = 0; choice < k; ++choice) {
      const std::int64_t from = expert[token * k + choice];
      if (from >= experts) continue;
      for (std::int64_t nextChoice = 0; nextChoice < nextK; ++nextChoice) {
        const std::int64_t to = next[token * nextK + nextChoice];
        if (to < nextExperts) ++transition[from * nextExperts + to];
      }
    }
}

void sumWeights(std::span<const std::uint16_t> expert, std::span<const float> weight, std::span<std::int64_t> sum,
                std::span<std::int64_t> nonfinite) {
  constexpr double units = 16777216.0;  // 2^24
  constexpr double largest = 1e11;      // beyond it a weight is no weight, and would not fit
  for (std::size_t at = 0; at < expert.size(); ++at) {
    const std::uint16_t e = expert[at];
    if (e >= sum.size()) continue;
    if (!std::isfinite(weight[at]) || std::abs(weight[at]) >= largest) {
      ++nonfinite[e];
      continue;
    }
    // A damaged trace may hold absurd weights: their sum wraps, as that of the CUDA kernel does.
    const auto added = static_cast<std::uint64_t>(std::llround(static_cast<double>(weight[at]) * units));
    sum[e] = static_cast<std::int64_t>(static_cast<std::uint64_t>(sum[e]) + added);
  }
}

void sortByExpert(std::span<const std::uint16_t> expert, std::int64_t experts, std::span<std::int64_t> order,
                  std::span<std::int64_t> offset) {
  for (std::int64_t& start : offset) start = 0;
  for (std::uint16_t e : expert)
    if (e < experts) ++offset[e + 1];
  for (std::int64_t e = 0; e < experts; ++e) offset[e + 1] += offset[e];
  // offset[e] walks to the end of e's places while they fill, and is then moved back by one expert.
  for (std::size_t at = 0; at < expert.size(); ++at)
    if (expert[at] < experts) order[offset[expert[at]]++] = static_cast<std::int64_t>(at);
  for (std::int64_t e = experts; e > 0; --e) offset[e] = offset[e - 1];
  offset[0] = 0;
}

}  // namespace moescope::kernels
