// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cpu/products.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "kernels/cpu/panels.h"

namespace moescope::kernels {
namespace {

struct Shape {
  std::int64_t rows, depth, columns;
};

class Products : public testing::TestWithParam<Shape> {
 protected:
  static constexpr float untouched = 7;

  void SetUp() override {
    if (!hasPanels()) GTEST_SKIP() << "this processor has no AVX-512";
    std::mt19937 random(3);
    std::normal_distribution<float> normal;
    for (std::vector<float>* matrix : {&a, &b}) {
      matrix->resize(std::size_t((rows + columns + depth) * stride));
      for (float& value : *matrix) value = normal(random);
    }
    for (std::int64_t d = 0; d < depth; ++d) shuffled.push_back((d * 11 + 5) % (depth + 2));
    strips.resize(std::size_t(stripNumbers(depth, columns)), NAN);
    into.assign(std::size_t(rows * stride), untouched);
  }
  // a(r, d) and b(d, c) where they lie in memory.
  template <class A, class B>
  void expectProduct(const A& ofA, const B& ofB) const {
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        double sum = 0, size = 1;
        for (std::int64_t d = 0; d < depth; ++d) {
          const double term = double(a[std::size_t(ofA(r, d))]) * double(b[std::size_t(ofB(d, c))]);
          sum += term;
          size += std::abs(term);
        }
        ASSERT_NEAR(into[std::size_t(r * stride + c)], sum, 1e-6 * size) << r << ", " << c;
      }
      for (std::int64_t c = columns; c < stride; ++c) ASSERT_EQ(into[std::size_t(r * stride + c)], untouched);
    }
  }

  const std::int64_t rows = GetParam().rows, depth = GetParam().depth, columns = GetParam().columns;
  const std::int64_t stride = std::max({rows, depth, columns}) + 3;  // of every matrix
  std::vector<float> a, b, strips, into;
  std::vector<std::int64_t> shuffled;
};

TEST_P(Products, OfRowsWithRows) {
  packRows(b.data(), stride, nullptr, depth, columns, strips.data());
  multiplyStrips(a.data(), stride, rows, strips.data(), depth, columns, into.data(), stride);
  expectProduct([&](auto r, auto d) { return r * stride + d; }, [&](auto d, auto c) { return d * stride + c; });
}

TEST_P(Products, OfRowsWithATranspose) {
  packTransposed(b.data(), stride, depth, columns, strips.data());
  multiplyStrips(a.data(), stride, rows, strips.data(), depth, columns, into.data(), stride);
  expectProduct([&](auto r, auto d) { return r * stride + d; }, [&](auto d, auto c) { return c * stride + d; });
}

TEST_P(Products, OfATransposeWithRowsInAnyOrder) {
  packRows(b.data(), stride, shuffled.data(), depth, columns, strips.data());
  multiplyTransposed(a.data(), stride, nullptr, rows, strips.data(), depth, columns, into.data(), stride);
  const auto at = [&](std::int64_t d) { return shuffled[std::size_t(d)]; };
  expectProduct([&](auto r, auto d) { return d * stride + r; }, [&](auto d, auto c) { return at(d) * stride + c; });
  multiplyTransposed(a.data(), stride, shuffled.data(), rows, strips.data(), depth, columns, into.data(), stride);
  expectProduct([&](auto r, auto d) { return at(d) * stride + r; }, [&](auto d, auto c) { return at(d) * stride + c; });
}

TEST_P(Products, AreTheSameBitsHoweverRowsAreDivided) {
  packRows(b.data(), stride, nullptr, depth, columns, strips.data());
  multiplyStrips(a.data(), stride, rows, strips.data(), depth, columns, into.data(), stride);
  std::vector<float> again(into.size(), untouched);
  for (std::int64_t first = 0; first < rows; first += 5)
    multiplyStrips(a.data() + first * stride, stride, std::min<std::int64_t>(5, rows - first), strips.data(), depth,
                   columns, again.data() + first * stride, stride);
  EXPECT_EQ(into, again);
}

INSTANTIATE_TEST_SUITE_P(Shapes, Products,
                         testing::Values(Shape{1, 1, 1}, Shape{14, 16, 32}, Shape{15, 33, 17}, Shape{31, 600, 49},
                                         Shape{3, 20, 300}, Shape{70, 1040, 290}),
                         [](const auto& tested) {
                           const Shape& shape = tested.param;
                           return "r" + std::to_string(shape.rows) + "d" + std::to_string(shape.depth) + "c" +
                                  std::to_string(shape.columns);
                         });

}  // namespace
}  // namespace moescope::kernels
