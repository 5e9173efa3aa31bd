// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/capacity.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/ones_like.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace moescope {

at::Tensor withinCapacity(const at::Tensor& expert, const at::Tensor& valid, std::int64_t experts, double factor,
                          std::int64_t group) {
  const std::int64_t tokens = expert.size(0), k = expert.size(1);
  if (factor <= 0) {
    const at::Tensor everywhere = at::ones_like(expert, at::kBool);
    return valid.defined() ? everywhere.logical_and(valid.unsqueeze(1)) : everywhere;
  }
  // Places are given out one after another, so this runs on the host: T * k integers.
  const at::Tensor chosen = expert.cpu().contiguous();
  const at::Tensor real = valid.defined() ? valid.cpu().contiguous() : at::Tensor();
  const auto isToken = [&](std::int64_t t) { return !real.defined() || real.const_data_ptr<bool>()[t]; };
  at::Tensor kept = at::empty({tokens, k}, at::kBool);
  const std::int64_t rows = group > 0 ? group : std::max<std::int64_t>(tokens, 1);
  for (std::int64_t first = 0; first < tokens; first += rows) {
    const std::int64_t last = std::min(first + rows, tokens);
    std::int64_t counted = 0;
    for (std::int64_t t = first; t < last; ++t) counted += isToken(t);
    // The quotient is rounded up; a hair below it absorbs the rounding of the product itself.
    const double places = std::ceil(factor * static_cast<double>(counted * k) / static_cast<double>(experts) - 1e-9);
    std::vector<double> taken(static_cast<std::size_t>(experts), 0);
    for (std::int64_t j = 0; j < k; ++j)
      for (std::int64_t t = first; t < last; ++t) {
        const std::int64_t e = chosen.const_data_ptr<std::int64_t>()[t * k + j];
        const bool room = isToken(t) && taken[static_cast<std::size_t>(e)] < places;
        taken[static_cast<std::size_t>(e)] += room;
        kept.mutable_data_ptr<bool>()[t * k + j] = room;
      }
  }
  return kept.to(expert.device());
}

}  // namespace moescope
