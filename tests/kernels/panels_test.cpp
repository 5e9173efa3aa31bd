// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cpu/panels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

namespace moescope::kernels {
namespace {

std::vector<float> numbers(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

// The upper half of an fp32 number is a bf16 number; what is cut off is cut from `values` too.
std::vector<std::uint16_t> halved(std::vector<float>& values) {
  std::vector<std::uint16_t> halves;
  for (float& value : values) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    halves.push_back(std::uint16_t(bits >> 16));
    bits &= 0xffff0000u;
    std::memcpy(&value, &bits, 4);
  }
  return halves;
}

struct Shape {
  std::int64_t tokens, columns, rows;
};

class Panels : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    if (!hasPanels()) GTEST_SKIP() << "this processor has no AVX-512";
  }
};

TEST_P(Panels, AProductIsTheSumOverColumns) {
  const auto [tokens, columns, rows] = GetParam();
  const std::vector<float> x = numbers(std::size_t(tokens * columns), 1);
  std::vector<float> weights = numbers(std::size_t(rows * columns), 2);
  const std::vector<std::uint16_t> halves = halved(weights);
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < tokens; ++i) order.push_back((i * 7 + 3) % tokens);
  const std::int64_t count = panelsOf(tokens);
  std::vector<float> panels(std::size_t(count * columns * panelTokens), NAN),
      out(std::size_t(count * rows * panelTokens)), half(out.size()), y(std::size_t(tokens * (rows + 5)), 7);
  packPanels(x.data(), order.data(), tokens, columns, panels.data());
  multiplyPanels({weights.data(), Element::f32, rows, columns}, panels.data(), count, out.data());
  multiplyPanels({halves.data(), Element::bf16, rows, columns}, panels.data(), count, half.data());
  EXPECT_EQ(out, half);  // the same numbers, stored otherwise
  unpackPanels(out.data(), tokens, rows, y.data(), rows + 5);
  for (std::int64_t t = 0; t < tokens; ++t) {
    for (std::int64_t r = 0; r < rows; ++r) {
      double sum = 0, size = 0;
      for (std::int64_t c = 0; c < columns; ++c) {
        const double term =
            double(x[std::size_t(order[std::size_t(t)] * columns + c)]) * double(weights[std::size_t(r * columns + c)]);
        sum += term;
        size += std::abs(term);
      }
      ASSERT_NEAR(y[std::size_t(t * (rows + 5) + r)], sum, 1e-6 * (size + 1));
    }
    for (std::int64_t r = rows; r < rows + 5; ++r) ASSERT_EQ(y[std::size_t(t * (rows + 5) + r)], 7);  // not ours
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Panels,
                         testing::Values(Shape{1, 1, 1}, Shape{16, 16, 14}, Shape{17, 31, 15}, Shape{33, 513, 29},
                                         Shape{250, 1030, 64}),
                         [](const auto& tested) {
                           const Shape& shape = tested.param;
                           return "t" + std::to_string(shape.tokens) + "c" + std::to_string(shape.columns) + "r" +
                                  std::to_string(shape.rows);
                         });

TEST(PanelGates, AreTheirFormulas) {
  if (!hasPanels()) GTEST_SKIP() << "this processor has no AVX-512";
  constexpr std::int64_t width = 3;
  std::vector<float> both(2 * 2 * width * panelTokens), inner(2 * width * panelTokens);
  for (std::size_t i = 0; i < both.size(); ++i)
    both[i] = -120.0f + 240.0f * float(i * 37 % both.size()) / float(both.size());
  for (const Gate& gate : {Gate{}, Gate{1.702f, 7}}) {
    gatePanels(both.data(), 2, width, gate, inner.data());
    for (std::size_t i = 0; i < inner.size(); ++i) {
      const std::size_t panel = i / (width * panelTokens), at = i % (width * panelTokens);
      double x = both[panel * 2 * width * panelTokens + at], up = both[(panel * 2 + 1) * width * panelTokens + at];
      if (gate.limit > 0) x = std::min(x, 7.0), up = std::min(std::max(up, -7.0), 7.0) + 1;
      const double expected = x / (1 + std::exp(-double(gate.alpha) * x)) * up;
      EXPECT_NEAR(inner[i], expected, 2e-6 * std::abs(expected) + 1e-30);
    }
  }
}

}  // namespace
}  // namespace moescope::kernels
