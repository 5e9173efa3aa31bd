// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// What the kernels with AVX-512 share. Functions are compiled for those instructions whatever the rest is compiled for;
// call them only where hasPanels() says so.
#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <cstdint>

// GCC 12 takes the undefined operand of its own intrinsics for a mistake.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#define MOESCOPE_AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma,f16c")))

namespace moescope::kernels::avx512 {

inline constexpr std::int64_t rowsAtOnce = 14;  // 28 accumulators, two vectors of B, two to spare
inline constexpr std::int64_t lanes = 32;       // columns of B and C

// 16 vectors of 16 to their transpose.
MOESCOPE_AVX512 inline void transpose(__m512 (&v)[16]) {
  __m512 t[16];
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
    t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    const __m512d a = _mm512_castps_pd(t[i]), b = _mm512_castps_pd(t[i + 1]), c = _mm512_castps_pd(t[i + 2]),
                  d = _mm512_castps_pd(t[i + 3]);
    v[i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    v[i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    v[i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    v[i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0xdd);
  }
  for (int i = 0; i < 4; ++i) {
    v[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
    v[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    v[i + 4] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0x88);
    v[i + 12] = _mm512_shuffle_f32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

// The first `count` of 16.
MOESCOPE_AVX512 inline __mmask16 first(std::int64_t count) {
  return count >= 16 ? __mmask16(0xffff) : __mmask16((1u << std::max<std::int64_t>(count, 0)) - 1);
}

// C [Rows, 32] = A [Rows, depth] times B [depth, 32]; `add` goes on with what C holds. Element (r, d) of A lies at
// r * aRow + d * aColumn; rows of B and C are bRow and cRow apart. Every value is one sum over depth in order.
template <int Rows>
MOESCOPE_AVX512 void product(const float* a, std::int64_t aRow, std::int64_t aColumn, const float* b, std::int64_t bRow,
                             std::int64_t depth, float* c, std::int64_t cRow, bool add) {
  __m512 low[Rows], high[Rows];
#pragma GCC unroll 14
  for (int r = 0; r < Rows; ++r) {
    low[r] = add ? _mm512_loadu_ps(c + r * cRow) : _mm512_setzero_ps();
    high[r] = add ? _mm512_loadu_ps(c + r * cRow + 16) : _mm512_setzero_ps();
  }
  for (std::int64_t d = 0; d < depth; ++d) {
    const __m512 left = _mm512_loadu_ps(b), right = _mm512_loadu_ps(b + 16);
#pragma GCC unroll 14
    for (int r = 0; r < Rows; ++r) {
      const __m512 value = _mm512_set1_ps(a[r * aRow]);
      low[r] = _mm512_fmadd_ps(value, left, low[r]);
      high[r] = _mm512_fmadd_ps(value, right, high[r]);
    }
    a += aColumn;
    b += bRow;
  }
#pragma GCC unroll 14
  for (int r = 0; r < Rows; ++r) {
    _mm512_storeu_ps(c + r * cRow, low[r]);
    _mm512_storeu_ps(c + r * cRow + 16, high[r]);
  }
}

using Product = void (*)(const float*, std::int64_t, std::int64_t, const float*, std::int64_t, std::int64_t, float*,
                         std::int64_t, bool);
// By number of rows.
inline constexpr Product products[rowsAtOnce + 1] = {nullptr,     product<1>,  product<2>,  product<3>,  product<4>,
                                                     product<5>,  product<6>,  product<7>,  product<8>,  product<9>,
                                                     product<10>, product<11>, product<12>, product<13>, product<14>};

// e^x by 2^n times a polynomial (Cephes expf; within 2 units in the last place). NaN stays NaN.
MOESCOPE_AVX512 inline __m512 exponential(__m512 x) {
  x = _mm512_min_ps(_mm512_set1_ps(88.3f), _mm512_max_ps(_mm512_set1_ps(-87.3f), x));
  const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT);
  __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
  r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
  __m512 p = _mm512_set1_ps(1.9875691500e-4f);
  for (const float c : {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f})
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(c));
  p = _mm512_add_ps(_mm512_fmadd_ps(_mm512_mul_ps(p, r), r, r), _mm512_set1_ps(1));
  return _mm512_scalef_ps(p, n);
}

MOESCOPE_AVX512 inline __m512 sigmoid(__m512 x) {
  const __m512 one = _mm512_set1_ps(1);
  return _mm512_div_ps(one, _mm512_add_ps(one, exponential(_mm512_sub_ps(_mm512_setzero_ps(), x))));
}

}  // namespace moescope::kernels::avx512
#endif
