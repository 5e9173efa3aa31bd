// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace moescope {

// The smooth load of Shazeer et al. 2017, equations 8-9: the probability, over a fresh draw of the noise of one entry,
// that the entry is among the k largest of its row. All [T,E]; k < E. Differentiable in all three.
at::Tensor noisyLoad(const at::Tensor& clean, const at::Tensor& noisy, const at::Tensor& deviation, std::int64_t k);

}  // namespace moescope
