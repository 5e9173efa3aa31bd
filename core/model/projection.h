// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

namespace moescope {

// x W^T + b over the last dimension of x, as at::linear, whose place it takes everywhere. Where no gradient is asked
// for, fp32 rows on a processor with AVX-512 go through kernels/cpu/panels.h: there W may be stored in bf16 or f16, and
// the bits of a row depend on nothing but the row and W. Gradients of fp32 go through kernels/cpu/products.h. b [N],
// undefined: none.
at::Tensor project(const at::Tensor& x, const at::Tensor& weight /* [N,K] */, const at::Tensor& bias = {});

}  // namespace moescope
