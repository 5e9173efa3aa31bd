// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cpu/products.h"

#include <algorithm>

#include "kernels/cpu/avx512.h"

namespace moescope::kernels {

#if defined(__x86_64__)
namespace {
using namespace avx512;
static_assert(lanes == stripColumns);

constexpr std::int64_t depthAtOnce = 512;  // of one strip, and of rows of A, in the first caches
constexpr std::int64_t stripsAtOnce = 8;   // of that depth, in the second

MOESCOPE_AVX512 void packStrips(const float* b, std::int64_t stride, const std::int64_t* rowOf, std::int64_t depth,
                                std::int64_t columns, float* strips) {
  for (std::int64_t column = 0; column < columns; column += lanes) {
    const __mmask16 left = first(columns - column), right = first(columns - column - 16);
    for (std::int64_t d = 0; d < depth; ++d, strips += lanes) {
      const float* row = b + (rowOf ? rowOf[d] : d) * stride + column;
      _mm512_storeu_ps(strips, _mm512_maskz_loadu_ps(left, row));
      _mm512_storeu_ps(strips + 16, _mm512_maskz_loadu_ps(right, row + 16));
    }
  }
}

MOESCOPE_AVX512 void packTransposes(const float* b, std::int64_t stride, std::int64_t depth, std::int64_t columns,
                                    float* strips) {
  for (std::int64_t column = 0; column < columns; column += 16) {
    float* to = strips + column / lanes * lanes * depth + column % lanes;
    const std::int64_t rows = std::min<std::int64_t>(16, columns - column);
    for (std::int64_t d = 0; d < depth; d += 16) {
      const __mmask16 here = first(depth - d);
      __m512 block[16];
      for (std::int64_t i = 0; i < 16; ++i)
        block[i] = i < rows ? _mm512_maskz_loadu_ps(here, b + (column + i) * stride + d) : _mm512_setzero_ps();
      transpose(block);
      const std::int64_t last = std::min<std::int64_t>(16, depth - d);
      for (std::int64_t i = 0; i < last; ++i) _mm512_storeu_ps(to + (d + i) * lanes, block[i]);
    }
  }
  // The half of the last strip that has no columns.
  if (columns % lanes > 0 && columns % lanes <= 16) {
    float* to = strips + columns / lanes * lanes * depth + 16;
    for (std::int64_t d = 0; d < depth; ++d) _mm512_storeu_ps(to + d * lanes, _mm512_setzero_ps());
  }
}

// `rows` rows of one strip; of `into` only `columns` columns exist.
MOESCOPE_AVX512 void multiplyOne(const float* a, std::int64_t aRow, std::int64_t aColumn, std::int64_t rows,
                                 const float* strip, std::int64_t depth, std::int64_t columns, float* into,
                                 std::int64_t stride, bool add) {
  if (columns >= lanes) return products[rows](a, aRow, aColumn, strip, lanes, depth, into, stride, add);
  alignas(64) float whole[rowsAtOnce * lanes];
  const __mmask16 left = first(columns), right = first(columns - 16);
  if (add)
    for (std::int64_t r = 0; r < rows; ++r) {
      _mm512_store_ps(whole + r * lanes, _mm512_maskz_loadu_ps(left, into + r * stride));
      _mm512_store_ps(whole + r * lanes + 16, _mm512_maskz_loadu_ps(right, into + r * stride + 16));
    }
  products[rows](a, aRow, aColumn, strip, lanes, depth, whole, lanes, add);
  for (std::int64_t r = 0; r < rows; ++r) {
    _mm512_mask_storeu_ps(into + r * stride, left, _mm512_load_ps(whole + r * lanes));
    _mm512_mask_storeu_ps(into + r * stride + 16, right, _mm512_load_ps(whole + r * lanes + 16));
  }
}

// `packed` [depth][14] = rows of a transposed block, so that neighbours in depth are neighbours in memory.
MOESCOPE_AVX512 void packBlock(const float* a, std::int64_t stride, const std::int64_t* rowOf, std::int64_t rows,
                               std::int64_t depth, float* packed) {
  const __mmask16 here = first(rows);
  for (std::int64_t d = 0; d < depth; ++d)
    _mm512_mask_storeu_ps(packed + d * rowsAtOnce, here,
                          _mm512_maskz_loadu_ps(here, a + (rowOf ? rowOf[d] : d) * stride));
}

// Calls work(d, depth there, strip, strips there) for blocks that fit the caches; depth inside, so that sums are in
// order.
template <class Work>
void forBlocks(std::int64_t depth, std::int64_t columns, const Work& work) {
  const std::int64_t strips = (columns + lanes - 1) / lanes;
  for (std::int64_t strip = 0; strip < strips; strip += stripsAtOnce)
    for (std::int64_t d = 0; d < depth; d += depthAtOnce)
      work(d, std::min(depthAtOnce, depth - d), strip, std::min(stripsAtOnce, strips - strip));
}

}  // namespace

void packRows(const float* b, std::int64_t stride, const std::int64_t* rowOf, std::int64_t depth, std::int64_t columns,
              float* strips) {
  packStrips(b, stride, rowOf, depth, columns, strips);
}
void packTransposed(const float* b, std::int64_t stride, std::int64_t depth, std::int64_t columns, float* strips) {
  packTransposes(b, stride, depth, columns, strips);
}

void multiplyStrips(const float* a, std::int64_t aStride, std::int64_t rows, const float* strips, std::int64_t depth,
                    std::int64_t columns, float* into, std::int64_t stride) {
  forBlocks(depth, columns, [&](std::int64_t d, std::int64_t deep, std::int64_t first, std::int64_t count) {
    for (std::int64_t row = 0; row < rows; row += rowsAtOnce)
      for (std::int64_t strip = first; strip < first + count; ++strip)
        multiplyOne(a + row * aStride + d, aStride, 1, std::min(rowsAtOnce, rows - row),
                    strips + (strip * depth + d) * lanes, deep, columns - strip * lanes,
                    into + row * stride + strip * lanes, stride, d > 0);
  });
}

void multiplyTransposed(const float* a, std::int64_t aStride, const std::int64_t* rowOf, std::int64_t rows,
                        const float* strips, std::int64_t depth, std::int64_t columns, float* into,
                        std::int64_t stride) {
  alignas(64) float packed[depthAtOnce * rowsAtOnce];
  forBlocks(depth, columns, [&](std::int64_t d, std::int64_t deep, std::int64_t first, std::int64_t count) {
    for (std::int64_t row = 0; row < rows; row += rowsAtOnce) {
      const std::int64_t here = std::min(rowsAtOnce, rows - row);
      packBlock((rowOf ? a : a + d * aStride) + row, aStride, rowOf ? rowOf + d : nullptr, here, deep, packed);
      for (std::int64_t strip = first; strip < first + count; ++strip)
        multiplyOne(packed, 1, rowsAtOnce, here, strips + (strip * depth + d) * lanes, deep, columns - strip * lanes,
                    into + row * stride + strip * lanes, stride, d > 0);
    }
  });
}

#else

void packRows(const float*, std::int64_t, const std::int64_t*, std::int64_t, std::int64_t, float*) {}
void packTransposed(const float*, std::int64_t, std::int64_t, std::int64_t, float*) {}
void multiplyStrips(const float*, std::int64_t, std::int64_t, const float*, std::int64_t, std::int64_t, float*,
                    std::int64_t) {}
void multiplyTransposed(const float*, std::int64_t, const std::int64_t*, std::int64_t, const float*, std::int64_t,
                        std::int64_t, float*, std::int64_t) {}

#endif

}  // namespace moescope::kernels
