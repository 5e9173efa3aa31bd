// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/feed_forward.h"
#include "core/routing/assignments.h"

namespace moescope {

// y_t = sum_j weight_tj * down_e (silu(gate_e x_t) * up_e x_t), e = expert_tj, over the kept choices: [T,H]. The rows
// of gateUp [E,2I,H] are the gate's, then those of up; down is [E,H,I]. Each expert multiplies its own rows at once,
// experts in parallel on the CPU; sums run over j in order, so the result is bit-equal for equal threads.
// Differentiable in x, weight, gateUp and down.
at::Tensor applyExperts(const at::Tensor& x, const Assignments& assignments, const at::Tensor& gateUp,
                        const at::Tensor& down);

// Experts that differ from those above: a bias on both matrices, another activation, weights on what goes in.
struct ExpertRule {
  Activation activation = {};
  bool weightInput = false;                   // y_t = sum_j expert(weight_tj x_t), Llama 4
  at::Tensor gateUpBias = {}, downBias = {};  // [E,2I], [E,H]; undefined: none
  bool usual() const {
    return activation.kind == ActivationKind::silu && !weightInput && !gateUpBias.defined() && !downBias.defined();
  }
};
// The same sum by that rule, expert by expert. Differentiable in everything.
at::Tensor applyExperts(const at::Tensor& x, const Assignments& assignments, const at::Tensor& gateUp,
                        const at::Tensor& down, const ExpertRule& rule);

// The unweighted outputs of the kept choices, [N,H] in the order of assignments.order. Not differentiable.
at::Tensor expertOutputs(const at::Tensor& x, const Assignments& assignments, const at::Tensor& gateUp,
                         const at::Tensor& down);

}  // namespace moescope
