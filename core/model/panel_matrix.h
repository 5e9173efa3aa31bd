// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include "core/model/feed_forward.h"
#include "kernels/cpu/panels.h"

namespace moescope {

// A matrix [rows, columns] as kernels/cpu/panels.h takes it: contiguous, on the CPU, in fp32, bf16 or f16.
inline bool isPanelMatrix(const at::Tensor& matrix) {
  const at::ScalarType type = matrix.scalar_type();
  return matrix.is_cpu() && matrix.dim() == 2 && matrix.is_contiguous() &&
         (type == at::kFloat || type == at::kBFloat16 || type == at::kHalf);
}

inline kernels::Matrix panelMatrix(const at::Tensor& matrix) {
  const at::ScalarType type = matrix.scalar_type();
  const kernels::Element element = type == at::kFloat      ? kernels::Element::f32
                                   : type == at::kBFloat16 ? kernels::Element::bf16
                                                           : kernels::Element::f16;
  return {matrix.const_data_ptr(), element, matrix.size(0), matrix.size(1)};
}

inline kernels::Gate gateOf(const Activation& activation) {
  if (activation.kind == ActivationKind::silu) return {};
  return {float(activation.alpha), float(activation.limit)};
}

}  // namespace moescope
