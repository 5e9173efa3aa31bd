// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cpu/attention.h"

#include <algorithm>

#include "kernels/cpu/avx512.h"
#include "kernels/cpu/panels.h"

namespace moescope::kernels {

#if defined(__x86_64__)
namespace {
using namespace avx512;
static_assert(queriesAtOnce == panelTokens);

constexpr std::int64_t keysAtOnce = 128;  // their scores fill half of the first cache
constexpr float lowest = -1e30f;          // of a maximum: below every score, and no infinity to subtract

constexpr float binary = 1.44269504f;  // log2 e: scores are kept as exponents of two

// 2^x for x <= 0, within 2 units in the last place; 0 where that is less than an fp32 number. NaN stays NaN.
MOESCOPE_AVX512 inline __m512 power(__m512 x) {
  x = _mm512_max_ps(_mm512_set1_ps(-200), x);
  const __m512 n = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC), f = _mm512_sub_ps(x, n);
  __m512 p = _mm512_set1_ps(1.32186722e-3f);
  for (const float c : {9.67169832e-3f, 5.55089302e-2f, 2.40222380e-1f, 6.93146884e-1f, 1.0f})
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(c));
  return _mm512_scalef_ps(p, n);
}

// The queries' side of an online softmax: the largest score so far and the sum of 2^(score - largest).
struct Softmax {
  __m512 largest[2], sum[2];
};

// Scores of keys that a query does not see become -inf.
MOESCOPE_AVX512 void hide(float* score, std::int64_t key, std::int64_t keys, std::int64_t first, const Sight& sight) {
  const __m512 never = _mm512_set1_ps(-std::numeric_limits<float>::infinity());
  for (std::int64_t i = 0; i < keys; ++i, score += lanes) {
    const std::int64_t from = std::clamp<std::int64_t>(key + i - first, 0, lanes);
    const std::int64_t to = std::clamp<std::int64_t>(sight.end(key + i) - first, from, lanes);
    const std::uint64_t sees = ((1ull << to) - 1) & ~((1ull << from) - 1);
    _mm512_mask_storeu_ps(score, __mmask16(~sees), never);
    _mm512_mask_storeu_ps(score + 16, __mmask16(~(sees >> 16)), never);
  }
}

// Scores to weights 2^(score - largest). Gives by how much what was summed before shrinks.
MOESCOPE_AVX512 void weigh(float* score, std::int64_t keys, Softmax& softmax, float* shrink) {
  for (int half = 0; half < 2; ++half) {
    float* at = score + 16 * half;
    __m512 largest = softmax.largest[half];
    // NaN wins, for max gives its second operand where one is NaN; it must not be lost.
    for (std::int64_t i = 0; i < keys; ++i) {
      const __m512 here = _mm512_loadu_ps(at + i * lanes);
      largest = _mm512_mask_mov_ps(largest, _mm512_cmp_ps_mask(here, largest, _CMP_NLE_UQ), here);
    }
    const __m512 factor = power(_mm512_sub_ps(softmax.largest[half], largest));
    __m512 sum = _mm512_mul_ps(softmax.sum[half], factor);
    for (std::int64_t i = 0; i < keys; ++i) {
      const __m512 weight = power(_mm512_sub_ps(_mm512_loadu_ps(at + i * lanes), largest));
      _mm512_storeu_ps(at + i * lanes, weight);
      sum = _mm512_add_ps(sum, weight);
    }
    softmax.largest[half] = largest;
    softmax.sum[half] = sum;
    _mm512_storeu_ps(shrink + 16 * half, factor);
  }
}

// Every row of [rows, 32] times `factor` [32].
MOESCOPE_AVX512 void scaleRows(float* panel, std::int64_t rows, const float* factor) {
  const __m512 left = _mm512_loadu_ps(factor), right = _mm512_loadu_ps(factor + 16);
  for (std::int64_t r = 0; r < rows; ++r, panel += lanes) {
    _mm512_storeu_ps(panel, _mm512_mul_ps(_mm512_loadu_ps(panel), left));
    _mm512_storeu_ps(panel + 16, _mm512_mul_ps(_mm512_loadu_ps(panel + 16), right));
  }
}

MOESCOPE_AVX512 void multiply(const float* a, std::int64_t aRow, std::int64_t aColumn, std::int64_t rows,
                              const float* b, std::int64_t depth, float* c, bool add) {
  for (std::int64_t row = 0; row < rows; row += rowsAtOnce)
    products[std::min(rowsAtOnce, rows - row)](a + row * aRow, aRow, aColumn, b, lanes, depth, c + row * lanes, lanes,
                                               add);
}

MOESCOPE_AVX512 void attend(const Head& head, const Sight& sight, std::int64_t first, std::int64_t count,
                            AttentionBench& bench, float* out, std::int64_t stride) {
  bench.query.resize(std::size_t(head.width * lanes));
  bench.score.resize(std::size_t(keysAtOnce * lanes));
  bench.sum.resize(std::size_t(head.valueWidth * lanes));
  std::int64_t row[lanes];
  for (std::int64_t i = 0; i < count; ++i) row[i] = first + i;
  packPanels(head.query, row, count, head.width, bench.query.data());
  alignas(64) float factor[lanes];
  std::fill_n(factor, lanes, head.scale * binary);
  scaleRows(bench.query.data(), head.width, factor);
  Softmax softmax;
  for (int half = 0; half < 2; ++half) {
    softmax.largest[half] = _mm512_set1_ps(head.sink ? *head.sink * binary : lowest);
    softmax.sum[half] = _mm512_set1_ps(head.sink ? 1 : 0);
  }
  float* score = bench.score.data();
  const std::int64_t end = first + count, begin = sight.first(first);
  for (std::int64_t key = begin; key < end; key += keysAtOnce) {
    const std::int64_t keys = std::min(keysAtOnce, end - key);
    multiply(head.key + key * head.width, head.width, 1, keys, bench.query.data(), head.width, score, false);
    if (key + keys > first + 1 || sight.end(key) < end) hide(score, key, keys, first, sight);
    weigh(score, keys, softmax, factor);
    if (key > begin) scaleRows(bench.sum.data(), head.valueWidth, factor);
    multiply(head.value + key * head.valueWidth, 1, head.valueWidth, head.valueWidth, score, keys, bench.sum.data(),
             key > begin);
  }
  for (int half = 0; half < 2; ++half)
    _mm512_storeu_ps(factor + 16 * half, _mm512_div_ps(_mm512_set1_ps(1), softmax.sum[half]));
  scaleRows(bench.sum.data(), head.valueWidth, factor);
  unpackPanels(bench.sum.data(), count, head.valueWidth, out, stride);
}

}  // namespace

void attendQueries(const Head& head, const Sight& sight, std::int64_t first, std::int64_t count, AttentionBench& bench,
                   float* out, std::int64_t stride) {
  attend(head, sight, first, count, bench, out, stride);
}

#else

void attendQueries(const Head&, const Sight&, std::int64_t, std::int64_t, AttentionBench&, float*, std::int64_t) {}

#endif

}  // namespace moescope::kernels
