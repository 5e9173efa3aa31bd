// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/projection.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/model/panel_matrix.h"
#include "core/model/share_out.h"
#include "kernels/cpu/products.h"

namespace moescope {
namespace {

constexpr std::int64_t fewest = 8;       // rows below which a panel would be mostly padding
constexpr std::int64_t tileRows = 256;   // of x
constexpr std::int64_t blockRows = 224;  // of W: sixteen times what the kernel multiplies at once

bool takesPanels(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return kernels::hasPanels() && x.is_cpu() && x.scalar_type() == at::kFloat && isPanelMatrix(weight) &&
         x.numel() >= fewest * x.size(-1) && (!bias.defined() || bias.scalar_type() == at::kFloat);
}

bool learns(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return at::GradMode::is_enabled() &&
         (x.requires_grad() || weight.requires_grad() || (bias.defined() && bias.requires_grad()));
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

// x W^T + bias by panels.
at::Tensor multiplied(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
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

// B [depth, columns] in strips, threads packing some of its columns each.
std::vector<float> packed(const at::Tensor& b) {
  const std::int64_t depth = b.size(0), columns = b.size(1), share = 8 * kernels::stripColumns;
  std::vector<float> strips(std::size_t(kernels::stripNumbers(depth, columns)));
  const float* from = b.const_data_ptr<float>();
  shareOut((columns + share - 1) / share, [&](std::int64_t i) {
    kernels::packRows(from + i * share, columns, nullptr, depth, std::min(share, columns - i * share),
                      strips.data() + i * share * depth);
  });
  return strips;
}

// Calls work(first, count) for a few runs of rows a thread.
template <class Work>
void shareRows(std::int64_t rows, const Work& work) {
  constexpr std::int64_t whole = 14;  // what the kernel multiplies at once
  const std::int64_t each = std::max<std::int64_t>(1, rows / (4 * at::get_num_threads() * whole)) * whole;
  shareOut((rows + each - 1) / each, [&](std::int64_t i) { work(i * each, std::min(each, rows - i * each)); });
}

at::Tensor timesRows(const at::Tensor& a, const at::Tensor& b) {
  const std::int64_t depth = a.size(1), columns = b.size(1);
  at::Tensor product = at::empty({a.size(0), columns}, a.options());
  const std::vector<float> strips = packed(b);
  const float* from = a.const_data_ptr<float>();
  float* into = product.mutable_data_ptr<float>();
  shareRows(a.size(0), [&](std::int64_t first, std::int64_t count) {
    kernels::multiplyStrips(from + first * depth, depth, count, strips.data(), depth, columns, into + first * columns,
                            columns);
  });
  return product;
}

at::Tensor transposeTimesRows(const at::Tensor& a, const at::Tensor& b) {
  const std::int64_t depth = a.size(0), rows = a.size(1), columns = b.size(1);
  at::Tensor product = at::empty({rows, columns}, a.options());
  const std::vector<float> strips = packed(b);
  const float* from = a.const_data_ptr<float>();
  float* into = product.mutable_data_ptr<float>();
  shareRows(rows, [&](std::int64_t first, std::int64_t count) {
    kernels::multiplyTransposed(from + first, rows, nullptr, count, strips.data(), depth, columns,
                                into + first * columns, columns);
  });
  return product;
}

class ProjectFunction : public torch::autograd::Function<ProjectFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const std::optional<at::Tensor>& bias) {
    context->save_for_backward({x, weight});
    context->saved_data["bias"] = bias.has_value();
    return multiplied(x, weight, bias.value_or(at::Tensor()));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1];
    const at::Tensor slope = gradients[0].reshape({-1, weight.size(0)}).contiguous(),
                     rows = x.reshape({-1, weight.size(1)}).contiguous();
    return {timesRows(slope, weight).view_as(x), transposeTimesRows(slope, rows),
            context->saved_data["bias"].toBool() ? slope.sum(0) : at::Tensor()};
  }
};

}  // namespace

at::Tensor project(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  const std::optional<at::Tensor> given = bias.defined() ? std::optional(bias) : std::nullopt;
  if (!takesPanels(x, weight, bias)) return at::linear(x, weight, given);
  if (!learns(x, weight, bias)) return multiplied(x, weight, bias);
  return weight.scalar_type() == at::kFloat ? ProjectFunction::apply(x, weight, given) : at::linear(x, weight, given);
}

}  // namespace moescope
