// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cpu/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/cpu/panels.h"

namespace moescope::kernels {
namespace {

struct Case {
  const char* name;
  std::int64_t length, width, valueWidth;
  Sight sight;
  bool sink;
};

class Attention : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!hasPanels()) GTEST_SKIP() << "this processor has no AVX-512";
    const Case& made = GetParam();
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    for (auto [values, width] : {std::pair{&query, made.width}, {&key, made.width}, {&value, made.valueWidth}}) {
      values->resize(std::size_t(made.length * width));
      for (float& number : *values) number = 2 * normal(random);
    }
    head = {query.data(),
            key.data(),
            value.data(),
            made.width,
            made.valueWidth,
            1 / std::sqrt(float(made.width)),
            made.sink ? &sink : nullptr};
  }
  // [length, stride]; what lies between rows is -7.
  std::vector<float> attended(std::int64_t piece) const {
    const Case& made = GetParam();
    std::vector<float> out(std::size_t(made.length * stride), -7.0f);
    AttentionBench bench;
    for (std::int64_t first = 0; first < made.length; first += piece)
      attendQueries(head, made.sight, first, std::min(piece, made.length - first), bench, out.data() + first * stride,
                    stride);
    return out;
  }
  // One row by the formula.
  std::vector<double> expected(std::int64_t t) const {
    const Case& made = GetParam();
    double largest = made.sink ? sink : -std::numeric_limits<double>::infinity();
    std::vector<double> score;
    for (std::int64_t j = 0; j <= t; ++j) {
      double dot = 0;
      for (std::int64_t c = 0; c < made.width; ++c)
        dot += double(query[std::size_t(t * made.width + c)]) * double(key[std::size_t(j * made.width + c)]);
      const bool seen = made.sight.chunk > 0 ? j / made.sight.chunk == t / made.sight.chunk : t - j < made.sight.window;
      score.push_back(seen ? double(head.scale) * dot : -std::numeric_limits<double>::infinity());
      largest = std::max(largest, score.back());
    }
    double sum = made.sink ? std::exp(double(sink) - largest) : 0;
    std::vector<double> row(std::size_t(made.valueWidth), 0.0);
    for (std::int64_t j = 0; j <= t; ++j) {
      const double weight = std::exp(score[std::size_t(j)] - largest);
      sum += weight;
      for (std::size_t c = 0; c < row.size(); ++c)
        row[c] += weight * double(value[std::size_t(j * made.valueWidth) + c]);
    }
    for (double& number : row) number /= sum;
    return row;
  }

  std::vector<float> query, key, value;
  float sink = 1.5f;
  Head head;
  std::int64_t stride = GetParam().valueWidth + 3;
};

TEST_P(Attention, IsTheSoftmaxOverWhatAQuerySees) {
  const Case& made = GetParam();
  const std::vector<float> out = attended(queriesAtOnce);
  for (std::int64_t t = 0; t < made.length; ++t) {
    const std::vector<double> row = expected(t);
    for (std::size_t c = 0; c < row.size(); ++c)
      ASSERT_NEAR(out[std::size_t(t * stride) + c], row[c], 1e-5 * (1 + std::abs(row[c]))) << t << ", " << c;
    for (std::size_t c = row.size(); c < std::size_t(stride); ++c)
      ASSERT_EQ(out[std::size_t(t * stride) + c], -7) << "not ours";
  }
}

TEST_P(Attention, IsNotANumberOnlyWhereSuchAKeyIsSeen) {
  const Case& made = GetParam();
  const std::int64_t wrong = made.length / 3;
  key[std::size_t(wrong * made.width)] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> out = attended(queriesAtOnce);
  for (std::int64_t t = 0; t < made.length; ++t)
    EXPECT_EQ(std::isnan(out[std::size_t(t * stride)]), t >= wrong && made.sight.first(t) <= wrong) << t;
}

INSTANTIATE_TEST_SUITE_P(Cases, Attention,
                         testing::Values(Case{"one", 1, 8, 8, {}, false}, Case{"full", 300, 20, 17, {}, false},
                                         Case{"sinks", 150, 33, 16, {}, true},
                                         Case{"sliding", 333, 16, 16, {.window = 37}, false},
                                         Case{"sliding_with_sinks", 290, 16, 40, {.window = 150}, true},
                                         Case{"narrow", 70, 5, 3, {.window = 1}, false},
                                         Case{"chunks", 301, 16, 16, {.chunk = 45}, false}),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace moescope::kernels
