// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/capacity.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/routing/assignments.h"
#include "core/routing/selection.h"

namespace moescope {
namespace {

at::Tensor column(const std::vector<std::int64_t>& experts) {
  return at::tensor(experts).view({-1, 1});
}
std::vector<bool> flags(const at::Tensor& kept) {
  std::vector<bool> all;
  for (std::int64_t i = 0; i < kept.numel(); ++i) all.push_back(kept.reshape(-1)[i].item<bool>());
  return all;
}

TEST(Capacity, DropsTheLaterTokensOfAFullExpert) {
  const at::Tensor expert = column({0, 0, 1, 0});
  EXPECT_EQ(flags(withinCapacity(expert, {}, 4, 0.5, 0)), (std::vector<bool>{true, false, true, false}));
  EXPECT_EQ(flags(withinCapacity(expert, {}, 4, 1, 0)), (std::vector<bool>{true, false, true, false}));
  EXPECT_EQ(flags(withinCapacity(expert, {}, 4, 1.25, 0)), (std::vector<bool>{true, true, true, false}));
  EXPECT_EQ(flags(withinCapacity(expert, {}, 4, 2, 0)), (std::vector<bool>{true, true, true, false}));
}

TEST(Capacity, PlacesEveryFirstChoiceBeforeAnySecond) {
  // One place each. Token 0 would take expert 1 as its second choice, but token 1 chose it first.
  const at::Tensor expert = at::tensor({0, 1, 1, 0}, at::kLong).view({2, 2});
  EXPECT_EQ(flags(withinCapacity(expert, {}, 2, 0.5, 0)), (std::vector<bool>{true, false, true, false}));
}

TEST(Capacity, IsDroplessWhenTheFactorReachesTheExpertsPerChoice) {
  const at::Tensor expert = at::zeros({7, 1}, at::kLong);
  EXPECT_TRUE(withinCapacity(expert, {}, 4, 4, 0).all().item<bool>());
  EXPECT_FALSE(withinCapacity(expert, {}, 4, 3, 0).all().item<bool>());
  EXPECT_TRUE(withinCapacity(expert, {}, 4, 0, 0).all().item<bool>());
}

TEST(Capacity, IsCountedGroupByGroup) {
  const at::Tensor expert = column({0, 0, 0, 0});
  EXPECT_EQ(flags(withinCapacity(expert, {}, 2, 1, 2)), (std::vector<bool>{true, false, true, false}));
  EXPECT_EQ(flags(withinCapacity(expert, {}, 2, 1, 0)), (std::vector<bool>{true, true, false, false}));
}

TEST(Capacity, GivesPaddingNoPlace) {
  const at::Tensor valid = at::tensor({0, 1, 1, 0}).to(at::kBool);
  EXPECT_EQ(flags(withinCapacity(column({0, 0, 0, 0}), valid, 2, 1, 0)),
            (std::vector<bool>{false, true, false, false}));
}

TEST(Capacity, AWholeNumberOfPlacesIsNotRoundedUp) {
  // 1.1 * 100 / 10 is 11 and a hair in binary; an eleventh token must be the last.
  EXPECT_EQ(withinCapacity(at::zeros({100, 1}, at::kLong), {}, 10, 1.1, 0).sum().item<std::int64_t>(), 11);
}

TEST(Largest, OrdersByValueThenIndexAndPutsNanLast) {
  const float nan = std::nanf("");
  const at::Tensor scores = at::tensor({1.f, 3.f, 3.f, nan, 2.f, nan, nan, nan, nan, -5.f}).view({2, 5});
  EXPECT_TRUE(largest(scores, 3).equal(at::tensor({1, 2, 4, 4, 0, 1}, at::kLong).view({2, 3})));
}

TEST(Largest, AgreesWithAFullSort) {
  const at::Tensor scores = at::randn({50, 33});
  EXPECT_TRUE(largest(scores, 7).equal(std::get<1>(at::sort(scores, true, 1, true)).slice(1, 0, 7)));
}

TEST(SortByExpert, GroupsWhatIsKeptInTokenOrder) {
  Assignments assignments;
  assignments.expert = at::tensor({2, 0, 0, 1, 2, 1}, at::kLong).view({3, 2});
  assignments.kept = at::tensor({1, 1, 1, 0, 1, 1}).to(at::kBool).view({3, 2});
  sortByExpert(assignments, 4);
  EXPECT_TRUE(assignments.order.equal(at::tensor({1, 2, 5, 0, 4}, at::kLong)));
  EXPECT_EQ(assignments.offsets, (std::vector<std::int64_t>{0, 2, 3, 5, 5}));
}

}  // namespace
}  // namespace moescope
