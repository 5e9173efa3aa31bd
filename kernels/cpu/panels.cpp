// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cpu/panels.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
// GCC 12 takes the undefined operand of its own intrinsics for a mistake.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#define MOESCOPE_AVX512 __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,fma,f16c")))
#endif

namespace moescope::kernels {

#if defined(__x86_64__)
namespace {

constexpr std::int64_t rowsAtOnce = 14;      // 28 accumulators, two vectors of tokens, two to spare
constexpr std::int64_t columnsAtOnce = 512;  // of weights in the first cache, of tokens in the second

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

MOESCOPE_AVX512 inline __mmask16 first(std::int64_t count) {
  return count >= 16 ? __mmask16(0xffff) : __mmask16((1u << std::max<std::int64_t>(count, 0)) - 1);
}

MOESCOPE_AVX512 void pack(const float* x, const std::int64_t* row, std::int64_t count, std::int64_t columns,
                          float* panels) {
  for (std::int64_t token = 0; token < count; token += 16) {
    float* to = panels + token / panelTokens * panelTokens * columns + token % panelTokens;
    for (std::int64_t column = 0; column < columns; column += 16) {
      const __mmask16 here = first(columns - column);
      __m512 block[16];
      for (int i = 0; i < 16; ++i)
        block[i] = token + i < count ? _mm512_maskz_loadu_ps(here, x + row[token + i] * columns + column)
                                     : _mm512_setzero_ps();
      transpose(block);
      const std::int64_t last = std::min<std::int64_t>(16, columns - column);
      for (std::int64_t i = 0; i < last; ++i) _mm512_storeu_ps(to + (column + i) * panelTokens, block[i]);
    }
  }
  // The half of the last panel that no block of tokens reached.
  if (count % panelTokens > 0 && count % panelTokens <= 16) {
    float* to = panels + count / panelTokens * panelTokens * columns + 16;
    for (std::int64_t column = 0; column < columns; ++column)
      _mm512_storeu_ps(to + column * panelTokens, _mm512_setzero_ps());
  }
}

MOESCOPE_AVX512 void unpack(const float* panels, std::int64_t count, std::int64_t columns, float* into,
                            std::int64_t stride) {
  for (std::int64_t token = 0; token < count; token += 16) {
    const float* from = panels + token / panelTokens * panelTokens * columns + token % panelTokens;
    const std::int64_t rows = std::min<std::int64_t>(16, count - token);
    for (std::int64_t column = 0; column < columns; column += 16) {
      const __mmask16 here = first(columns - column);
      __m512 block[16];
      for (std::int64_t i = 0; i < 16; ++i)
        block[i] = column + i < columns ? _mm512_loadu_ps(from + (column + i) * panelTokens) : _mm512_setzero_ps();
      transpose(block);
      for (std::int64_t i = 0; i < rows; ++i)
        _mm512_mask_storeu_ps(into + (token + i) * stride + column, here, block[i]);
    }
  }
}

// Rows of weights times one panel; `add` goes on with what `out` holds.
template <int Rows>
MOESCOPE_AVX512 void product(const float* weights, std::int64_t stride, const float* panel, std::int64_t columns,
                             float* out, bool add) {
  __m512 low[Rows], high[Rows];
#pragma GCC unroll 14
  for (int r = 0; r < Rows; ++r) {
    low[r] = add ? _mm512_loadu_ps(out + r * panelTokens) : _mm512_setzero_ps();
    high[r] = add ? _mm512_loadu_ps(out + r * panelTokens + 16) : _mm512_setzero_ps();
  }
  for (std::int64_t column = 0; column < columns; ++column) {
    const __m512 left = _mm512_loadu_ps(panel + column * panelTokens);
    const __m512 right = _mm512_loadu_ps(panel + column * panelTokens + 16);
#pragma GCC unroll 14
    for (int r = 0; r < Rows; ++r) {
      const __m512 weight = _mm512_set1_ps(weights[r * stride + column]);
      low[r] = _mm512_fmadd_ps(weight, left, low[r]);
      high[r] = _mm512_fmadd_ps(weight, right, high[r]);
    }
  }
#pragma GCC unroll 14
  for (int r = 0; r < Rows; ++r) {
    _mm512_storeu_ps(out + r * panelTokens, low[r]);
    _mm512_storeu_ps(out + r * panelTokens + 16, high[r]);
  }
}

using Product = void (*)(const float*, std::int64_t, const float*, std::int64_t, float*, bool);
constexpr Product products[rowsAtOnce + 1] = {nullptr,     product<1>,  product<2>,  product<3>,  product<4>,
                                              product<5>,  product<6>,  product<7>,  product<8>,  product<9>,
                                              product<10>, product<11>, product<12>, product<13>, product<14>};

// fp32 of a stretch of a stored row.
MOESCOPE_AVX512 void widen(const void* data, Element element, std::int64_t from, std::int64_t count, float* to) {
  const std::uint16_t* half = static_cast<const std::uint16_t*>(data) + from;
  for (std::int64_t i = 0; i < count; i += 16) {
    const __m256i stored = _mm256_maskz_loadu_epi16(first(count - i), half + i);
    const __m512 wide = element == Element::bf16
                            ? _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(stored), 16))
                            : _mm512_cvtph_ps(stored);
    _mm512_mask_storeu_ps(to + i, first(count - i), wide);
  }
}

MOESCOPE_AVX512 void multiply(const Matrix& matrix, const float* panels, std::int64_t count, float* out) {
  alignas(64) float widened[rowsAtOnce * columnsAtOnce];
  for (std::int64_t column = 0; column < matrix.columns; column += columnsAtOnce) {
    const std::int64_t columns = std::min(columnsAtOnce, matrix.columns - column);
    for (std::int64_t row = 0; row < matrix.rows; row += rowsAtOnce) {
      const std::int64_t rows = std::min(rowsAtOnce, matrix.rows - row);
      const float* weights = static_cast<const float*>(matrix.data) + row * matrix.columns + column;
      std::int64_t stride = matrix.columns;
      if (matrix.element != Element::f32) {
        for (std::int64_t r = 0; r < rows; ++r)
          widen(matrix.data, matrix.element, (row + r) * matrix.columns + column, columns, widened + r * columnsAtOnce);
        weights = widened;
        stride = columnsAtOnce;
      }
      for (std::int64_t panel = 0; panel < count; ++panel)
        products[rows](weights, stride, panels + (panel * matrix.columns + column) * panelTokens, columns,
                       out + (panel * matrix.rows + row) * panelTokens, column > 0);
    }
  }
}

// e^x by 2^n times a polynomial (Cephes expf; within 2 units in the last place).
MOESCOPE_AVX512 inline __m512 exponential(__m512 x) {
  x = _mm512_min_ps(_mm512_max_ps(x, _mm512_set1_ps(-87.3f)), _mm512_set1_ps(88.3f));
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

MOESCOPE_AVX512 void gatePanel(const float* gates, const float* ups, std::int64_t numbers, const Gate& gate,
                               float* to) {
  const __m512 limit = _mm512_set1_ps(gate.limit), alpha = _mm512_set1_ps(gate.alpha);
  for (std::int64_t i = 0; i < numbers; i += 16) {
    __m512 x = _mm512_loadu_ps(gates + i), up = _mm512_loadu_ps(ups + i);
    if (gate.limit > 0) {
      x = _mm512_min_ps(x, limit);
      up = _mm512_max_ps(_mm512_min_ps(up, limit), _mm512_sub_ps(_mm512_setzero_ps(), limit));
      up = _mm512_add_ps(up, _mm512_set1_ps(1));
    }
    _mm512_storeu_ps(to + i, _mm512_mul_ps(_mm512_mul_ps(x, sigmoid(_mm512_mul_ps(alpha, x))), up));
  }
}

}  // namespace

bool hasPanels() {
  static const bool has = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                          __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  return has;
}
void packPanels(const float* x, const std::int64_t* row, std::int64_t count, std::int64_t columns, float* panels) {
  pack(x, row, count, columns, panels);
}
void multiplyPanels(const Matrix& matrix, const float* panels, std::int64_t count, float* out) {
  multiply(matrix, panels, count, out);
}
void unpackPanels(const float* panels, std::int64_t count, std::int64_t columns, float* into, std::int64_t stride) {
  unpack(panels, count, columns, into, stride);
}
void gatePanels(const float* both, std::int64_t count, std::int64_t width, const Gate& gate, float* inner) {
  const std::int64_t numbers = width * panelTokens;
  for (std::int64_t panel = 0; panel < count; ++panel)
    gatePanel(both + panel * 2 * numbers, both + (panel * 2 + 1) * numbers, numbers, gate, inner + panel * numbers);
}

#else

bool hasPanels() {
  return false;
}
void packPanels(const float*, const std::int64_t*, std::int64_t, std::int64_t, float*) {}
void multiplyPanels(const Matrix&, const float*, std::int64_t, float*) {}
void unpackPanels(const float*, std::int64_t, std::int64_t, float*, std::int64_t) {}
void gatePanels(const float*, std::int64_t, std::int64_t, const Gate&, float*) {}

#endif

}  // namespace moescope::kernels
