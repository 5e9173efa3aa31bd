// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/module.h"

#include <gtest/gtest.h>

#include "kernels/cuda/bodies.h"
#include "kernels/selftest.h"

namespace moescope::kernels {
namespace {

// The device's bodies, the whole grid run here: blocks one after another, every thread of a block through each phase in turn.
template <class Body>
bool runGrid(const Body& body, std::int64_t items, std::int64_t outputs, std::int64_t* total, bool hasOwn) {
  constexpr std::int64_t blocks = 3, threads = 32;
  const auto addTotal = [&](std::int64_t index, std::int64_t amount) { total[index] += amount; };
  for (std::int64_t number = 0; number < blocks; ++number) {
    std::vector<unsigned long long> shared(static_cast<std::size_t>(outputs), 77);
    unsigned long long* own = hasOwn ? shared.data() : nullptr;
    const cuda::Block block{number, blocks, threads, items, outputs};
    for (std::int64_t thread = 0; thread < threads; ++thread) block.clear(thread, own);
    const auto addOwn = [&](std::int64_t index, std::int64_t amount) { own[index] += static_cast<unsigned long long>(amount); };
    for (std::int64_t thread = 0; thread < threads; ++thread) block.add(thread, body, hasOwn, addOwn, addTotal);
    for (std::int64_t thread = 0; thread < threads; ++thread) block.flush(thread, own, addTotal);
  }
  return true;
}

template <bool hasOwn>
Table gridTable() {
  using Experts = std::span<const std::uint16_t>;
  using Sums = std::span<std::int64_t>;
  return {
      .countAssignments = [](Experts expert, Sums count) {
        return runGrid(cuda::CountAssignments{expert.data(), std::ssize(count)}, std::ssize(expert), std::ssize(count), count.data(), hasOwn);
      },
      .countByRank = [](Experts expert, std::int64_t k, std::int64_t experts, Sums rank) {
        return runGrid(cuda::CountByRank{expert.data(), k, experts}, std::ssize(expert), std::ssize(rank), rank.data(), hasOwn);
      },
      .countByGroup = [](Experts expert, std::int64_t k, std::int64_t experts, std::span<const std::uint32_t> group, Sums grouped) {
        return runGrid(cuda::CountByGroup{expert.data(), k, experts, group.data()}, std::ssize(expert), std::ssize(grouped), grouped.data(), hasOwn);
      },
      .countCoactivation = [](Experts expert, std::int64_t k, std::int64_t experts, Sums joint) {
        return runGrid(cuda::CountPairs{expert.data(), k, experts, expert.data(), k, experts}, std::ssize(expert) * k, std::ssize(joint),
                       joint.data(), hasOwn);
      },
      .countTransitions = [](Experts expert, std::int64_t k, std::int64_t experts, Experts next, std::int64_t nextK, std::int64_t nextExperts,
                             Sums transition) {
        return runGrid(cuda::CountPairs{expert.data(), k, experts, next.data(), nextK, nextExperts}, std::ssize(expert) * nextK,
                       std::ssize(transition), transition.data(), hasOwn);
      },
      .sumWeights = [](Experts expert, std::span<const float> weight, Sums sum, Sums nonfinite) {
        std::vector<std::int64_t> both(sum.begin(), sum.end());
        both.insert(both.end(), nonfinite.begin(), nonfinite.end());
        runGrid(cuda::SumWeights{expert.data(), weight.data(), std::ssize(sum)}, std::ssize(expert), std::ssize(both), both.data(), hasOwn);
        std::copy_n(both.begin(), sum.size(), sum.begin());
        std::copy(both.begin() + std::ssize(sum), both.end(), nonfinite.begin());
        return true;
      },
  };
}

TEST(KernelModule, CpuKernelsAgreeWithDenseOneHotSums) {
  for (const Check& check : checkKernels(cpuTable())) {
    EXPECT_TRUE(check.ok) << check.name << ": " << check.differences << " of " << check.outputs;
    EXPECT_GT(check.outputs, 0);
  }
}

TEST(KernelModule, DeviceBodiesAgreeWithTheDefinitionWhenTheirGridRunsHere) {
  for (const Table& table : {gridTable<true>(), gridTable<false>()})
    for (const Check& check : checkKernels(table))
      EXPECT_EQ(check.ok, check.present) << check.name << ": " << check.differences << " of " << check.outputs;
}

TEST(KernelModule, ACheckSeesAWrongKernel) {
  Table wrong = cpuTable();
  wrong.countAssignments = [](std::span<const std::uint16_t> expert, std::span<std::int64_t> count) {
    for (std::uint16_t e : expert.first(expert.size() - 1))  // forgets the last assignment
      if (e < count.size()) ++count[e];
    return true;
  };
  EXPECT_FALSE(checkKernels(wrong).front().ok);
}

TEST(KernelModule, WithoutADeviceSaysWhy) {
  const Module& module = cudaModule();
  EXPECT_NE(module.table == nullptr, module.why.empty());
}

}  // namespace
}  // namespace moescope::kernels
