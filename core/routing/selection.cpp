// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/selection.h"

#include <ATen/ops/bincount.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/topk.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <vector>

namespace moescope {
namespace {

// Keeps the k best so far in order; a row is short and k shorter, so insertion beats any sort.
void largestOfRow(const float* score, std::int64_t experts, std::int64_t k, std::vector<float>& value,
                  std::int64_t* index) {
  std::int64_t found = 0;
  for (std::int64_t e = 0; e < experts; ++e) {
    const float s = std::isnan(score[e]) ? -std::numeric_limits<float>::infinity() : score[e];
    if (found == k && !(s > value[k - 1])) continue;
    std::int64_t place = found < k ? found++ : k - 1;
    for (; place > 0 && value[place - 1] < s; --place) {
      value[place] = value[place - 1];
      index[place] = index[place - 1];
    }
    value[place] = s;
    index[place] = e;
  }
}

}  // namespace

at::Tensor largest(const at::Tensor& scores, std::int64_t k) {
  const at::Tensor given = scores.detach().to(at::kFloat).contiguous();
  const std::int64_t tokens = given.size(0), experts = given.size(1);
  TORCH_INTERNAL_ASSERT(k >= 0 && k <= experts);
  if (!given.is_cpu()) {
    const double lowest = -std::numeric_limits<double>::infinity();
    const at::Tensor order = std::get<1>(at::sort(at::nan_to_num(given, lowest, {}, lowest), /*stable=*/true, 1, true));
    return order.narrow(1, 0, k).contiguous();
  }
  at::Tensor chosen = at::empty({tokens, k}, at::kLong);
  if (k == 0) return chosen;
  std::vector<float> value(static_cast<std::size_t>(k));
  for (std::int64_t t = 0; t < tokens; ++t)
    largestOfRow(given.const_data_ptr<float>() + t * experts, experts, k, value,
                 chosen.mutable_data_ptr<std::int64_t>() + t * k);
  return chosen;
}

at::Tensor keepGroups(const at::Tensor& scores, std::int64_t groups, std::int64_t kept, std::int64_t parts) {
  if (groups <= 1 || kept >= groups) return scores;
  const std::int64_t tokens = scores.size(0), experts = scores.size(1);
  const at::Tensor grouped = scores.view({tokens, groups, experts / groups});
  const at::Tensor group = largest(std::get<0>(at::topk(grouped, parts, 2)).sum(2), kept);
  const at::Tensor left = at::zeros({tokens, groups}, scores.options().dtype(at::kBool)).scatter(1, group, true);
  return grouped.masked_fill(left.logical_not().unsqueeze(2), -std::numeric_limits<double>::infinity())
      .view({tokens, experts});
}

Ordered orderByWeight(const at::Tensor& expert, const at::Tensor& weight) {
  const auto [byId, place] = at::sort(expert, 1);
  const at::Tensor moved = weight.gather(1, place), order = largest(moved, moved.size(1));
  return {byId.gather(1, order), moved.gather(1, order)};
}

at::Tensor countChoices(const at::Tensor& expert, const at::Tensor& valid, std::int64_t experts) {
  const at::Tensor counted = valid.defined() ? expert.index({valid}) : expert;
  return at::bincount(counted.reshape(-1), {}, experts);
}

}  // namespace moescope
