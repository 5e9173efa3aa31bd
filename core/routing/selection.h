// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace moescope {

// The k largest of each row of fp32 scores [T,E], largest first, ties by the lower index, NaN below every number: int64
// [T,k]. The same on every device, which topk is not (its order among ties is unspecified).
at::Tensor largest(const at::Tensor& scores, std::int64_t k);

// The scores [T,E] with all but the `kept` best of `groups` equal runs of neighbouring experts at -inf; a group is as
// good as the sum of its `parts` largest scores (DeepSeek-V2 takes 1, DeepSeek-V3 2). One group changes nothing.
at::Tensor keepGroups(const at::Tensor& scores, std::int64_t groups, std::int64_t kept, std::int64_t parts);

// The same choices [T,k] in the order that assignments have: largest weight first, ties by expert.
struct Ordered {
  at::Tensor expert, weight;
};
Ordered orderByWeight(const at::Tensor& expert, const at::Tensor& weight);

// How often each of E experts occurs in expert [T,k] where `valid` (bool [T], undefined = everywhere): int64 [E].
at::Tensor countChoices(const at::Tensor& expert, const at::Tensor& valid, std::int64_t experts);

}  // namespace moescope
