// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace moescope::kernels {

// Products of fp32 matrices whose result is row-major, as training needs them: of values with weights, and of gradients
// with values. B is packed once, in strips of 32 columns, and then multiplied by as many rows of A as there are, by any
// number of threads. Every value is one sum over depth in order, however rows are divided. For hasPanels() only.
inline constexpr std::int64_t stripColumns = 32;
// Numbers in the strips [columns / 32][depth][32] of B [depth, columns].
inline constexpr std::int64_t stripNumbers(std::int64_t depth, std::int64_t columns) {
  return (columns + stripColumns - 1) / stripColumns * stripColumns * depth;
}

// B's row d is row `rowOf[d]` of b (null: row d), rows `stride` apart.
void packRows(const float* b, std::int64_t stride, const std::int64_t* rowOf, std::int64_t depth, std::int64_t columns,
              float* strips);
// B is the transpose of b [columns, depth], rows `stride` apart.
void packTransposed(const float* b, std::int64_t stride, std::int64_t depth, std::int64_t columns, float* strips);

// into [rows, columns], its rows `stride` apart, = A [rows, depth] B. A's rows are `aStride` apart.
void multiplyStrips(const float* a, std::int64_t aStride, std::int64_t rows, const float* strips, std::int64_t depth,
                    std::int64_t columns, float* into, std::int64_t stride);
// The same with A the transpose of a [depth, rows]: its row d is row `rowOf[d]` of a (null: row d), rows `aStride`
// apart.
void multiplyTransposed(const float* a, std::int64_t aStride, const std::int64_t* rowOf, std::int64_t rows,
                        const float* strips, std::int64_t depth, std::int64_t columns, float* into,
                        std::int64_t stride);

}  // namespace moescope::kernels
