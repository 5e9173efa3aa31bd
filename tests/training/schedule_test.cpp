// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/schedule.h"

#include <gtest/gtest.h>

namespace moescope {
namespace {

TEST(Schedule, WarmsUpLinearlyToThePeak) {
  const Schedule schedule{.peak = 2, .warmup = 4, .steps = 20};
  EXPECT_DOUBLE_EQ(learningRateAt(schedule, 0), 0.5);
  EXPECT_DOUBLE_EQ(learningRateAt(schedule, 1), 1.0);
  EXPECT_DOUBLE_EQ(learningRateAt(schedule, 3), 2.0);
}

TEST(Schedule, FallsOnACosineToItsFloorAtTheLastStep) {
  const Schedule schedule{.peak = 1, .warmup = 0, .steps = 101, .floorShare = 0.1};
  EXPECT_DOUBLE_EQ(learningRateAt(schedule, 0), 1);
  EXPECT_NEAR(learningRateAt(schedule, 50), 0.55, 1e-12);  // half of the cosine is halfway
  EXPECT_DOUBLE_EQ(learningRateAt(schedule, 100), 0.1);
  for (int step = 1; step <= 100; ++step) EXPECT_LT(learningRateAt(schedule, step), learningRateAt(schedule, step - 1));
}

TEST(Schedule, OfOneStepIsThePeak) {
  EXPECT_DOUBLE_EQ(learningRateAt({.peak = 3, .steps = 1}, 0), 3);
}

}  // namespace
}  // namespace moescope
