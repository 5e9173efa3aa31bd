// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace moescope {

// down (silu(gate x) * up x) over the last dimension of x; the rows of gateUp [2I,H] are the gate's, then those of up;
// down [H,I].
at::Tensor feedForward(const at::Tensor& x, const at::Tensor& gateUp, const at::Tensor& down);

}  // namespace moescope
