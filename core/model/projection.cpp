// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/projection.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/model/panel_matrix.h"
#include "core/model/share_out.h"

namespace moescope {
namespace {

constexpr std::int64_t fewest = 8;       // rows below which a panel would be mostly padding
constexpr std::int64_t tileRows = 256;   // of x
constexpr std::int64_t blockRows = 224;  // of W: sixteen times what the kernel multiplies at once

bool takesPanels(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const bool learns = at::GradMode::is_enabled() && (x.requires_grad() || weight.requires_grad());
  return !learns && kernels::hasPanels() && x.is_cpu() && x.scalar_type() == at::kFloat && isPanelMatrix(weight) &&
         x.numel() >= fewest * x.size(-1) && (!bias.defined() || bias.scalar_type() == at::kFloat);
}

void multiplyBlock(const kernels::Matrix& weight, std::int64_t row, const float* panels, std::int64_t tokens,
                   const float* bias, float* into) {
  thread_local std::vector<float> out;
  const std::int64_t width = weight.element == kernels::Element::f32 ? 4 : 2, wholeRows = weight.rows;
  kernels::Matrix block = weight;
  block.data = static_cast<const char*>(weight.data) + row * weight.columns * width;
  block.rows = std::min(blockRows, wholeRows - row);
  const std::int64_t count = kernels::panelsOf(tokens);
  out.resize(std::size_t(count * block.rows * kernels::panelTokens));
  kernels::multiplyPanels(block, panels, count, out.data());
  if (bias)
    for (std::int64_t i = 0; i < count * block.rows; ++i)
      for (std::int64_t t = 0; t < kernels::panelTokens; ++t)
        out[std::size_t(i * kernels::panelTokens + t)] += bias[row + i % block.rows];
  kernels::unpackPanels(out.data(), tokens, block.rows, into + row, wholeRows);
}

}  // namespace

at::Tensor project(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (!takesPanels(x, weight, bias)) return at::linear(x, weight, bias.defined() ? std::optional(bias) : std::nullopt);
  const at::Tensor rows = x.contiguous();
  const kernels::Matrix matrix = panelMatrix(weight);
  const std::int64_t columns = matrix.columns, tokens = rows.numel() / columns;
  const std::int64_t tiles = (tokens + tileRows - 1) / tileRows, blocks = (matrix.rows + blockRows - 1) / blockRows;
  std::vector<std::int64_t> shape = x.sizes().vec();
  shape.back() = matrix.rows;
  at::Tensor result = at::empty(shape, rows.options());
  std::vector<std::int64_t> row(static_cast<std::size_t>(tokens));
  std::iota(row.begin(), row.end(), 0);
  const at::Tensor panels = at::empty({tiles * tileRows * columns}, rows.options());
  float *packed = panels.mutable_data_ptr<float>(), *into = result.mutable_data_ptr<float>();
  const at::Tensor addend = bias.defined() ? bias.contiguous() : bias;
  const float* plainBias = bias.defined() ? addend.const_data_ptr<float>() : nullptr;
  const float* from = rows.const_data_ptr<float>();
  const auto tokensOf = [&](std::int64_t tile) { return std::min(tileRows, tokens - tile * tileRows); };
  shareOut(tiles, [&](std::int64_t tile) {
    kernels::packPanels(from, row.data() + tile * tileRows, tokensOf(tile), columns,
                        packed + tile * tileRows * columns);
  });
  shareOut(tiles * blocks, [&](std::int64_t item) {
    const std::int64_t tile = item / blocks;
    multiplyBlock(matrix, item % blocks * blockRows, packed + tile * tileRows * columns, tokensOf(tile), plainBias,
                  into + tile * tileRows * matrix.rows);
  });
  return result;
}

}  // namespace moescope
