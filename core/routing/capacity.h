// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace moescope {

// Which choices (expert int64 [T,k]) find room: bool [T,k]. Every `group` consecutive tokens (0: all of them) share
// ceil(factor * tokens * k / E) places an expert; all first choices are placed before any second choice, each in token
// order (GShard; Switch section 2.2). Padding (`valid` false) takes no place and is never kept. Factor 0: everything
// valid is kept.
at::Tensor withinCapacity(const at::Tensor& expert, const at::Tensor& valid, std::int64_t experts, double factor,
                          std::int64_t group);

}  // namespace moescope
