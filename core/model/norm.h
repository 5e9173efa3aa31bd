// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include "core/checkpoint/model_config.h"
#include "core/model/parameter_maker.h"

namespace moescope {

// x / sqrt(mean(x^2) + epsilon) * weight over the last dimension; without a weight, the first factor alone.
at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, double epsilon);

// One of a decoder's norms over the hidden width, of the kind that its switches name; bias undefined without one.
at::Tensor norm(const at::Tensor& x, const ModelConfig& config, const at::Tensor& weight, const at::Tensor& bias);

struct NormWeights {
  at::Tensor weight, bias;  // [H]; bias undefined where the switches have none
};
// Under `name` and `name`_bias.
NormWeights makeNorm(ParameterMaker& make, const std::string& name, const ModelConfig& config);

}  // namespace moescope
