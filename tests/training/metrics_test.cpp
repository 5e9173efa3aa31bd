// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace moescope {
namespace {

// The published vectors of a 4 x 4 matrix of logits: top-2 sets {0,1} {0,2} {1,2} {0,3}, mean probabilities as below.
LayerTally example() {
  return {.experts = 4,
          .topK = 2,
          .tokens = 4,
          .chosen = {3, 2, 2, 1},
          .probability = {4 * .435705, 4 * .315477, 4 * .141485, 4 * .107333},
          .entropy = 4 * .97566,
          .squaredLogSumExp = 4 * 6.72809,
          .largestLogit = 3};
}

const Metric& metric(const std::vector<Metric>& all, const std::string& name) {
  for (const Metric& one : all)
    if (one.name == name) return one;
  throw std::runtime_error("no metric " + name);
}

TEST(LayerMetrics, AreThoseOfTheWorkedExample) {
  const LayerTally layer = example();
  EXPECT_NEAR(coefficientOfVariation(layer.chosen), .353553, 1e-6);
  EXPECT_NEAR(maximumViolation(layer.chosen), .5, 1e-12);
  EXPECT_NEAR(balanceOf(layer), 1.164186, 2e-6);
  const auto all = layerMetrics(std::vector{layer});
  EXPECT_NEAR(metric(all, "entropy").values[0], .97566 / std::log(4), 1e-6);
  EXPECT_NEAR(metric(all, "marginal_entropy").values[0], 1.242166 / std::log(4), 1e-5);
  EXPECT_NEAR(metric(all, "router_z").values[0], 6.72809, 1e-6);
  EXPECT_NEAR(metric(all, "cv_floor").values[0], std::sqrt(2.0 / 8.0), 1e-12);
  EXPECT_EQ(metric(all, "load").shape, (std::vector<std::int64_t>{1, 4}));
  EXPECT_EQ(metric(all, "load").values, (std::vector<double>{1.5, 1, 1, .5}));
}

TEST(LayerMetrics, CollapseShowsTheLargestValues) {
  // Everything on one of 8, and on two of 64 times eight: E/k - 1.
  EXPECT_DOUBLE_EQ(maximumViolation(std::vector<std::int64_t>{80, 0, 0, 0, 0, 0, 0, 0}), 7);
  EXPECT_NEAR(coefficientOfVariation(std::vector<std::int64_t>{80, 0, 0, 0, 0, 0, 0, 0}), std::sqrt(7.0), 1e-12);
}

TEST(LayerMetrics, PartsAddUpToTheWhole) {
  LayerTally sum;
  for (int part = 0; part < 3; ++part) sum.add(example());
  EXPECT_EQ(sum.tokens, 12);
  EXPECT_EQ(sum.chosen, (std::vector<std::int64_t>{9, 6, 6, 3}));
  EXPECT_NEAR(balanceOf(sum), balanceOf(example()), 1e-12);
  EXPECT_NEAR(metric(layerMetrics(std::vector{sum}), "cv").values[0], .353553, 1e-6);
}

TEST(LayerMetrics, LayersOfDifferentSizesArePaddedWithNaN) {
  LayerTally small{.experts = 2, .topK = 1, .tokens = 4, .chosen = {3, 1}, .probability = {2, 2}};
  const auto all = layerMetrics(std::vector{example(), small});
  const Metric& load = metric(all, "load");
  EXPECT_EQ(load.shape, (std::vector<std::int64_t>{2, 4}));
  EXPECT_EQ(load.values[4], 1.5);
  EXPECT_TRUE(std::isnan(load.values[6]) && std::isnan(load.values[7]));
}

}  // namespace
}  // namespace moescope
