// SPDX-License-Identifier: GPL-3.0-or-later
#include "kernels/cpu/panels.h"

#include <algorithm>

#include "kernels/cpu/avx512.h"

namespace moescope::kernels {

#if defined(__x86_64__)
namespace {

using namespace avx512;
static_assert(lanes == panelTokens);

constexpr std::int64_t columnsAtOnce = 512;  // of weights in the first cache, of tokens in the second

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
        products[rows](weights, stride, 1, panels + (panel * matrix.columns + column) * panelTokens, panelTokens,
                       columns, out + (panel * matrix.rows + row) * panelTokens, panelTokens, column > 0);
    }
  }
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
