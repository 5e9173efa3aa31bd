// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace moescope {

// The k largest of each row of fp32 scores [T,E], largest first, ties by the lower index, NaN below every number: int64
// [T,k]. The same on every device, which topk is not (its order among ties is unspecified).
at::Tensor largest(const at::Tensor& scores, std::int64_t k);

// How often each of E experts occurs in expert [T,k] where `valid` (bool [T], undefined = everywhere): int64 [E].
at::Tensor countChoices(const at::Tensor& expert, const at::Tensor& valid, std::int64_t experts);

}  // namespace moescope
