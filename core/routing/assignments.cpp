// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/assignments.h"

#include <ATen/ops/empty.h>

namespace moescope {

// A counting sort on the host: one pass to count, one to place, and the offsets are needed there anyway.
void sortByExpert(Assignments& assignments, std::int64_t experts) {
  const at::Tensor expert = assignments.expert.cpu().contiguous(), kept = assignments.kept.cpu().contiguous();
  const std::int64_t* chosen = expert.const_data_ptr<std::int64_t>();
  const bool* keeps = kept.const_data_ptr<bool>();
  const std::int64_t choices = expert.numel();
  assignments.offsets.assign(static_cast<std::size_t>(experts) + 1, 0);
  for (std::int64_t i = 0; i < choices; ++i)
    if (keeps[i]) ++assignments.offsets[static_cast<std::size_t>(chosen[i]) + 1];
  for (std::size_t e = 0; e < static_cast<std::size_t>(experts); ++e)
    assignments.offsets[e + 1] += assignments.offsets[e];
  std::vector<std::int64_t> next(assignments.offsets.begin(), assignments.offsets.end() - 1);
  at::Tensor order = at::empty({assignments.offsets.back()}, at::kLong);
  std::int64_t* place = order.mutable_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < choices; ++i)
    if (keeps[i]) place[next[static_cast<std::size_t>(chosen[i])]++] = i;
  assignments.order = order.to(assignments.expert.device());
}

}  // namespace moescope
