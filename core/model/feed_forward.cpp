// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/feed_forward.h"

#include <ATen/ops/sigmoid.h>
#include <ATen/ops/silu.h>

#include "core/model/projection.h"

namespace moescope {

Activation activationOf(const ModelConfig& config) {
  return {config.activation, config.activationAlpha, config.activationLimit};
}

at::Tensor activate(const at::Tensor& gateUp, const Activation& activation) {
  const std::int64_t width = gateUp.size(-1) / 2;
  const at::Tensor gate = gateUp.narrow(-1, 0, width), up = gateUp.narrow(-1, width, width);
  if (activation.kind == ActivationKind::silu) return at::silu(gate).mul(up);
  const at::Tensor low = gate.clamp_max(activation.limit);
  return low.mul(at::sigmoid(low.mul(activation.alpha))).mul(up.clamp(-activation.limit, activation.limit).add(1));
}

at::Tensor feedForward(const at::Tensor& x, const at::Tensor& gateUp, const at::Tensor& down,
                       const Activation& activation) {
  return project(activate(project(x, gateUp), activation), down);
}

}  // namespace moescope
