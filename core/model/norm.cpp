// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/norm.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rsqrt.h>

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

}  // namespace

at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
  const bool learns = at::GradMode::is_enabled() && (x.requires_grad() || (weight.defined() && weight.requires_grad()));
  if (!learns && x.is_cpu() && x.scalar_type() == at::kFloat && x.numel() > 0 &&
      (!weight.defined() || (weight.is_contiguous() && weight.scalar_type() == at::kFloat)))
    return normRows(x, weight, epsilon);
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
