// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cpu/rows.h"

#include "kernels/cpu/avx512.h"

namespace moescope::kernels {

#if defined(__x86_64__)
namespace {
using namespace avx512;

MOESCOPE_AVX512 void gate(const float* both, std::int64_t count, std::int64_t width, float* inner) {
  for (std::int64_t r = 0; r < count; ++r, both += 2 * width, inner += width)
    for (std::int64_t c = 0; c < width; c += 16) {
      const __mmask16 here = first(width - c);
      const __m512 x = _mm512_maskz_loadu_ps(here, both + c), up = _mm512_maskz_loadu_ps(here, both + width + c);
      _mm512_mask_storeu_ps(inner + c, here, _mm512_mul_ps(_mm512_mul_ps(x, sigmoid(x)), up));
    }
}

// d silu(x) / dx = s + x s (1 - s), s = sigmoid(x).
MOESCOPE_AVX512 void gateBackward(const float* both, const float* weight, const float* slope, std::int64_t count,
                                  std::int64_t width, float* weighted, float* ofBoth, float* ofWeight) {
  const __m512 one = _mm512_set1_ps(1);
  for (std::int64_t r = 0; r < count; ++r) {
    const __m512 factor = _mm512_set1_ps(weight[r]);
    __m512 sum = _mm512_setzero_ps();
    for (std::int64_t c = 0; c < width; c += 16) {
      const __mmask16 here = first(width - c);
      const __m512 x = _mm512_maskz_loadu_ps(here, both + c), up = _mm512_maskz_loadu_ps(here, both + width + c);
      const __m512 given = _mm512_maskz_loadu_ps(here, slope + c), s = sigmoid(x), silu = _mm512_mul_ps(x, s);
      const __m512 inner = _mm512_mul_ps(silu, up), steep = _mm512_fmadd_ps(silu, _mm512_sub_ps(one, s), s);
      sum = _mm512_fmadd_ps(given, inner, sum);
      _mm512_mask_storeu_ps(weighted + c, here, _mm512_mul_ps(factor, inner));
      const __m512 ofInner = _mm512_mul_ps(factor, given);
      _mm512_mask_storeu_ps(ofBoth + c, here, _mm512_mul_ps(_mm512_mul_ps(ofInner, up), steep));
      _mm512_mask_storeu_ps(ofBoth + width + c, here, _mm512_mul_ps(ofInner, silu));
    }
    ofWeight[r] = _mm512_reduce_add_ps(sum);
    both += 2 * width, ofBoth += 2 * width, slope += width, weighted += width;
  }
}

MOESCOPE_AVX512 void sum(const float* rows, const std::int64_t* place, const float* weight, std::int64_t count,
                         std::int64_t k, std::int64_t width, float* into) {
  for (std::int64_t t = 0; t < count; ++t, place += k, into += width) {
    for (std::int64_t c = 0; c < width; c += 16) {
      const __mmask16 here = first(width - c);
      __m512 all = _mm512_setzero_ps();
      for (std::int64_t j = 0; j < k; ++j) {
        if (place[j] < 0) continue;
        const __m512 row = _mm512_maskz_loadu_ps(here, rows + place[j] * width + c);
        all = weight ? _mm512_fmadd_ps(_mm512_set1_ps(weight[t * k + j]), row, all) : _mm512_add_ps(all, row);
      }
      _mm512_mask_storeu_ps(into + c, here, all);
    }
  }
}

}  // namespace

void gateRows(const float* both, std::int64_t count, std::int64_t width, float* inner) {
  gate(both, count, width, inner);
}
void gateRowsBackward(const float* both, const float* weight, const float* slope, std::int64_t count,
                      std::int64_t width, float* weighted, float* ofBoth, float* ofWeight) {
  gateBackward(both, weight, slope, count, width, weighted, ofBoth, ofWeight);
}
void sumChoices(const float* rows, const std::int64_t* place, const float* weight, std::int64_t count, std::int64_t k,
                std::int64_t width, float* into) {
  sum(rows, place, weight, count, k, width, into);
}

#else

void gateRows(const float*, std::int64_t, std::int64_t, float*) {}
void gateRowsBackward(const float*, const float*, const float*, std::int64_t, std::int64_t, float*, float*, float*) {}
void sumChoices(const float*, const std::int64_t*, const float*, std::int64_t, std::int64_t, std::int64_t, float*) {}

#endif

}  // namespace moescope::kernels
