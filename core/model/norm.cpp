// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/norm.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

namespace moescope {

namespace {

// One row: x / sqrt(mean(x^2) + epsilon) * weight (null: 1).
void normRow(const float* x, const float* weight, std::int64_t width, double epsilon, float* into) {
  constexpr std::int64_t lanes = 16;
  float partial[lanes] = {};
  std::int64_t i = 0;
  for (; i + lanes <= width; i += lanes)
    for (std::int64_t lane = 0; lane < lanes; ++lane) partial[lane] += x[i + lane] * x[i + lane];
  double sum = 0;
  for (; i < width; ++i) sum += double(x[i]) * double(x[i]);
  for (float lane : partial) sum += double(lane);
  const float factor = float(1 / std::sqrt(sum / double(width) + epsilon));
  if (weight)
    for (i = 0; i < width; ++i) into[i] = x[i] * factor * weight[i];
  else
    for (i = 0; i < width; ++i) into[i] = x[i] * factor;
}

// The same in one pass over memory, where no gradient is asked for.
at::Tensor normRows(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  const at::Tensor rows = x.contiguous(), result = at::empty_like(rows);
  const std::int64_t width = x.size(-1);
  const float *from = rows.const_data_ptr<float>(), *by = weight.defined() ? weight.const_data_ptr<float>() : nullptr;
  float* into = result.mutable_data_ptr<float>();
  at::parallel_for(0, rows.numel() / width, std::max<std::int64_t>(1, 32768 / width),
                   [&](std::int64_t first, std::int64_t last) {
                     for (std::int64_t row = first; row < last; ++row)
                       normRow(from + row * width, by, width, epsilon, into + row * width);
                   });
  return result;
}

constexpr std::int64_t rowsAtOnce = 128;  // whose part of the weight's gradient is summed before others

// Backwards through normRow: with g = slope * weight and f the factor, f g - x f^3 mean(g x); adds slope * x * f to
// ofWeight (null: no weight).
void normRowBackward(const float* x, const float* weight, const float* slope, std::int64_t width, double epsilon,
                     float* ofX, float* ofWeight) {
  constexpr std::int64_t lanes = 16;
  float squares[lanes] = {}, products[lanes] = {};
  const auto steep = [&](std::int64_t i) { return weight ? slope[i] * weight[i] : slope[i]; };
  std::int64_t i = 0;
  for (; i + lanes <= width; i += lanes)
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      squares[lane] += x[i + lane] * x[i + lane];
      products[lane] += steep(i + lane) * x[i + lane];
    }
  double square = 0, product = 0;
  for (; i < width; ++i) square += double(x[i]) * double(x[i]), product += double(steep(i)) * double(x[i]);
  for (std::int64_t lane = 0; lane < lanes; ++lane) square += double(squares[lane]), product += double(products[lane]);
  const double exact = 1 / std::sqrt(square / double(width) + epsilon);
  const float factor = float(exact), back = float(exact * exact * exact * product / double(width));
  for (i = 0; i < width; ++i) ofX[i] = factor * steep(i) - back * x[i];
  if (ofWeight)
    for (i = 0; i < width; ++i) ofWeight[i] += slope[i] * x[i] * factor;
}

class NormFunction : public torch::autograd::Function<NormFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const std::optional<at::Tensor>& weight, double epsilon) {
    const at::Tensor by = weight.value_or(at::Tensor());
    context->save_for_backward({x, by});
    context->saved_data["epsilon"] = epsilon;
    return normRows(x, by, epsilon);
  }

  // The weight's gradient is summed over runs of rows that depend on nothing but their number.
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const torch::autograd::variable_list saved = context->get_saved_variables();
    const double epsilon = context->saved_data["epsilon"].toDouble();
    const at::Tensor rows = saved[0].contiguous(), slope = gradients[0].contiguous(), ofX = at::empty_like(rows);
    const std::int64_t width = rows.size(-1), count = rows.numel() / width,
                       runs = (count + rowsAtOnce - 1) / rowsAtOnce;
    const at::Tensor parts = saved[1].defined() ? at::zeros({runs, width}, rows.options()) : at::Tensor();
    const float *x = rows.const_data_ptr<float>(), *dy = slope.const_data_ptr<float>(),
                *weight = saved[1].defined() ? saved[1].const_data_ptr<float>() : nullptr;
    float *into = ofX.mutable_data_ptr<float>(), *sums = parts.defined() ? parts.mutable_data_ptr<float>() : nullptr;
    at::parallel_for(0, runs, 1, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t row = first * rowsAtOnce; row < std::min(count, last * rowsAtOnce); ++row)
        normRowBackward(x + row * width, weight, dy + row * width, width, epsilon, into + row * width,
                        sums ? sums + row / rowsAtOnce * width : nullptr);
    });
    return {ofX, parts.defined() ? parts.sum(0) : at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  const bool learns = at::GradMode::is_enabled() && (x.requires_grad() || (weight.defined() && weight.requires_grad()));
  if (x.is_cpu() && x.scalar_type() == at::kFloat && x.numel() > 0 &&
      (!weight.defined() || (weight.is_contiguous() && weight.scalar_type() == at::kFloat)))
    return learns ? NormFunction::apply(x, weight.defined() ? std::optional(weight) : std::nullopt, epsilon)
                  : normRows(x, weight, epsilon);
  const at::Tensor normed = x.mul(at::rsqrt(x.square().mean(-1, /*keepdim=*/true).add(epsilon)));
  return weight.defined() ? normed.mul(weight) : normed;
}

at::Tensor norm(const at::Tensor& x, const ModelConfig& config, const at::Tensor& weight, const at::Tensor& bias) {
  if (config.norm == NormKind::rms) return rmsNorm(x, weight, config.normEpsilon);
  return at::layer_norm(x, {x.size(-1)}, weight, bias.defined() ? std::optional(bias) : std::nullopt,
                        config.normEpsilon);
}

NormWeights makeNorm(ParameterMaker& make, const std::string& name, const ModelConfig& config) {
  NormWeights weights;
  weights.weight = make.filled(name, {config.hidden}, 1);
  if (config.normBias) weights.bias = make.filled(name + "_bias", {config.hidden}, 0);
  return weights;
}

}  // namespace moescope
