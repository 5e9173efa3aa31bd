// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/norm.h"

#include <ATen/ops/layer_norm.h>
#include <ATen/ops/rsqrt.h>

namespace moescope {

at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, double epsilon) {
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
