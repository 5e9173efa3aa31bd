// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace moescope {

// Routed experts for training by the kernels of the CPU: forward, and gradients of everything. Bits depend on nothing
// but the values, whatever the number of threads.

// Rows of `order` (int64 [N], t * choices + j, sorted by expert) with the weights [T, choices] of every choice.
struct ExpertCall {
  at::Tensor x, weight, gateUp, down;  // fp32 [T,H], [T,choices], [E,2I,H], [E,H,I]
  at::Tensor order;
  std::vector<std::int64_t> offsets;
  std::int64_t choices() const { return weight.size(1); }
};

// Whether the kernels take it: all in fp32 on a processor that has them.
bool takesExpertProduct(const at::Tensor& x, const at::Tensor& gateUp, const at::Tensor& down);

struct ExpertProduct {
  at::Tensor y;     // [T,H]
  at::Tensor both;  // [N,2I] before the activation, for the way back
};
ExpertProduct expertProduct(const ExpertCall& call);

struct ExpertGradients {
  at::Tensor x, weight, gateUp, down;
};
// `slope` [T,H] is the gradient of y.
ExpertGradients expertGradients(const ExpertCall& call, const at::Tensor& both, const at::Tensor& slope);

}  // namespace moescope
