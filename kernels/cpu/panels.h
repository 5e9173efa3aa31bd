// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace moescope::kernels {

// Products of weights with a few hundred tokens. Tokens lie in panels: [panel][column][32 tokens] in fp32, the last one
// padded with zeros. A product leaves its result in panels again, so that an MLP needs no transposition between its two
// matrices, and weights are read as they are stored, row after row, without a packed or converted copy.
// Each thread may work on panels of its own.
inline constexpr std::int64_t panelTokens = 32;
inline constexpr std::int64_t panelsOf(std::int64_t tokens) {
  return (tokens + panelTokens - 1) / panelTokens;
}

enum class Element { f32, bf16, f16 };

struct Matrix {
  const void* data = nullptr;  // [rows, columns], row-major
  Element element = Element::f32;
  std::int64_t rows = 0, columns = 0;
};

// Whether this processor has what the functions below need (AVX-512F, DQ and BW, Linux saving their registers).
bool hasPanels();

// panels = rows `row[i]` of x [.., columns], i < count. `columns` may be anything; x is row-major.
void packPanels(const float* x, const std::int64_t* row, std::int64_t count, std::int64_t columns, float* panels);
// out [panels][matrix.rows][32] = matrix times panels [panels][matrix.columns][32]. Every value is one sum over the
// columns in a fixed order.
void multiplyPanels(const Matrix& matrix, const float* panels, std::int64_t count, float* out);
// into [count, columns], rows `stride` apart.
void unpackPanels(const float* panels, std::int64_t count, std::int64_t columns, float* into, std::int64_t stride);

// What stands between the matrices of a gated MLP: silu(gate) * up, or with a limit, both kept within it,
// gate * sigmoid(alpha * gate) * (up + 1).
struct Gate {
  float alpha = 1, limit = 0;  // 0: none
};
// inner [panels][width][32] of both [panels][2 width][32]: rows of the gate, then those of up.
void gatePanels(const float* both, std::int64_t count, std::int64_t width, const Gate& gate, float* inner);

}  // namespace moescope::kernels
