// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/kernels.h"

namespace moescope::kernels {
namespace {

constexpr std::uint16_t none = 0xffff;
// Three tokens, two choices each, four experts; the last token has one choice only.
const std::vector<std::uint16_t> expert{0, 1, 3, 0, 2, none};

TEST(Counting, CountsAssignmentsRanksAndGroups) {
  std::vector<std::int64_t> count(4, 0), rank(8, 0), grouped(8, 0);
  countAssignments(expert, count);
  EXPECT_EQ(count, (std::vector<std::int64_t>{2, 1, 1, 1}));
  countByRank(expert, 2, 4, rank);
  EXPECT_EQ(rank, (std::vector<std::int64_t>{1, 0, 1, 1, 1, 1, 0, 0}));
  countByGroup(expert, 2, 4, std::vector<std::uint32_t>{1, 0, 1}, grouped);
  EXPECT_EQ(grouped, (std::vector<std::int64_t>{1, 0, 0, 1, 1, 1, 1, 0}));
}

TEST(Counting, CoactivationIsSymmetricWithTheCountsOnItsDiagonal) {
  std::vector<std::int64_t> joint(16, 0);
  countCoactivation(expert, 2, 4, joint);
  EXPECT_EQ(joint, (std::vector<std::int64_t>{2, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1}));
}

TEST(Counting, TransitionsPairEveryAssignmentOfAToken) {
  const std::vector<std::uint16_t> next{1, 0, 1};
  std::vector<std::int64_t> transition(8, 0);
  countTransitions(expert, 2, 4, next, 1, 2, transition);
  EXPECT_EQ(transition, (std::vector<std::int64_t>{1, 1, 0, 1, 0, 1, 1, 0}));
}

TEST(Counting, WeightsAreExactInFixedPointAndNonFiniteOnesAreCounted) {
  const std::vector<float> weight{0.5f, 0.25f, std::numeric_limits<float>::quiet_NaN(), 1.0f, std::numeric_limits<float>::infinity(), 9.0f};
  std::vector<std::int64_t> sum(4, 0), nonfinite(4, 0);
  sumWeights(expert, weight, sum, nonfinite);
  EXPECT_EQ(sum, (std::vector<std::int64_t>{3 << 23, 1 << 22, 0, 0}));
  EXPECT_EQ(nonfinite, (std::vector<std::int64_t>{0, 0, 1, 1}));
}

TEST(Counting, SortByExpertIsStableAndComplete) {
  std::vector<std::int64_t> order(5, -1), offset(5, -1);
  sortByExpert(expert, 4, order, offset);
  EXPECT_EQ(offset, (std::vector<std::int64_t>{0, 2, 3, 4, 5}));
  EXPECT_EQ(order, (std::vector<std::int64_t>{0, 3, 1, 4, 2}));
}

TEST(Counting, IsAdditiveOverAnySplit) {
  std::vector<std::uint16_t> many(3000);
  for (std::size_t at = 0; at < many.size(); ++at) many[at] = static_cast<std::uint16_t>((at * 7919 + at / 3) % 16);
  std::vector<std::int64_t> whole(256, 0), parts(256, 0);
  countCoactivation(many, 3, 16, whole);
  const std::span<const std::uint16_t> span(many);
  countCoactivation(span.first(3 * 17), 3, 16, parts);
  countCoactivation(span.subspan(3 * 17), 3, 16, parts);
  EXPECT_EQ(whole, parts);
  EXPECT_EQ(std::accumulate(whole.begin(), whole.end(), std::int64_t{0}) >= 3000, true);
}

}  // namespace
}  // namespace moescope::kernels
