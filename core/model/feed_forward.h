// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include "core/checkpoint/model_config.h"

namespace moescope {

// What stands between the matrices of a gated MLP.
struct Activation {
  ActivationKind kind = ActivationKind::silu;
  double alpha = 1.702, limit = 7;  // of clamped
};
Activation activationOf(const ModelConfig& config);

// [...,2I], the gate's half before that of up, to [...,I].
at::Tensor activate(const at::Tensor& gateUp, const Activation& activation);

// down activate(gateUp x), usually down (silu(gate x) * up x), over the last dimension of x; the rows of gateUp [2I,H]
// are the gate's, then those of up; down [H,I].
at::Tensor feedForward(const at::Tensor& x, const at::Tensor& gateUp, const at::Tensor& down,
                       const Activation& activation = {});

}  // namespace moescope
