// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cuda/table.h"

#include <algorithm>
#include <vector>

#include "kernels/module.h"

namespace moescope::kernels {

namespace {

using Experts = std::span<const std::uint16_t>;
using Sums = std::span<std::int64_t>;

std::int64_t tokensOf(Experts expert, std::int64_t k) { return k == 0 ? 0 : static_cast<std::int64_t>(expert.size()) / k; }

bool sumWeights(Experts expert, std::span<const float> weight, Sums sum, Sums nonfinite) {
  std::vector<std::int64_t> both(sum.begin(), sum.end());
  both.insert(both.end(), nonfinite.begin(), nonfinite.end());
  if (!cuda::sumWeights(expert.data(), weight.data(), static_cast<std::int64_t>(expert.size()), static_cast<std::int64_t>(sum.size()), both.data()))
    return false;
  std::copy_n(both.begin(), sum.size(), sum.begin());
  std::copy(both.begin() + static_cast<std::ptrdiff_t>(sum.size()), both.end(), nonfinite.begin());
  return true;
}

// No sortByExpert yet: LibTorch's own stable sort serves dispatch on a device, and the CPU's serves everything else.
const Table table{
    .countAssignments =
        [](Experts expert, Sums count) {
          return cuda::countAssignments(expert.data(), static_cast<std::int64_t>(expert.size()), static_cast<std::int64_t>(count.size()), count.data());
        },
    .countByRank =
        [](Experts expert, std::int64_t k, std::int64_t experts, Sums rank) {
          return cuda::countByRank(expert.data(), static_cast<std::int64_t>(expert.size()), k, experts, rank.data());
        },
    .countByGroup =
        [](Experts expert, std::int64_t k, std::int64_t experts, std::span<const std::uint32_t> group, Sums grouped) {
          return cuda::countByGroup(expert.data(), static_cast<std::int64_t>(group.size()), k, experts, group.data(),
                                    static_cast<std::int64_t>(grouped.size()), grouped.data());
        },
    .countCoactivation =
        [](Experts expert, std::int64_t k, std::int64_t experts, Sums joint) {
          return cuda::countPairs(expert.data(), tokensOf(expert, k), k, experts, expert.data(), k, experts, joint.data());
        },
    .countTransitions =
        [](Experts expert, std::int64_t k, std::int64_t experts, Experts next, std::int64_t nextK, std::int64_t nextExperts, Sums transition) {
          return cuda::countPairs(expert.data(), tokensOf(expert, k), k, experts, next.data(), nextK, nextExperts, transition.data());
        },
    .sumWeights = sumWeights,
};

}  // namespace

}  // namespace moescope::kernels

extern "C" __attribute__((visibility("default"))) const moescope::kernels::Table* moescopeKernelModule(char* text, std::size_t capacity) {
  return moescope::kernels::cuda::deviceName(text, capacity) ? &moescope::kernels::table : nullptr;
}
