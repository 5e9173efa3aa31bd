// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/capture/next_token_loss.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "core/model/projection.h"

namespace moescope {
namespace {

constexpr std::int64_t tokensAtOnce = 1024;

}  // namespace

NextTokenLoss::NextTokenLoss(at::Tensor normed, at::Tensor next)
    : normed_(std::move(normed)),
      next_(std::move(next)),
      largest_(at::full(next_.sizes(), -std::numeric_limits<double>::infinity(), next_.options().dtype(at::kDouble))),
      sum_(at::zeros_like(largest_)),
      target_(at::zeros_like(largest_)),
      likeliest_(at::zeros_like(next_)) {}

void NextTokenLoss::add(std::int64_t first, const at::Tensor& rows, const at::Tensor& bias) {
  const std::int64_t count = rows.size(0);
  for (std::int64_t from = 0; from < next_.size(0); from += tokensAtOnce) {
    const std::int64_t tokens = std::min(tokensAtOnce, next_.size(0) - from);
    const auto here = [&](const at::Tensor& column) { return column.narrow(0, from, tokens); };
    const at::Tensor logits = project(here(normed_), rows, bias);
    const at::Tensor inside = here(next_).ge(first).logical_and(here(next_).lt(first + count));
    const at::Tensor picked = logits.gather(1, here(next_).sub(first).clamp(0, count - 1).unsqueeze(1)).squeeze(1);
    here(target_).add_(picked.to(at::kDouble).mul(inside));
    const auto [top, best] = logits.max(1);
    const at::Tensor sum = logits.sub(top.unsqueeze(1)).exp_().sum(1, false, at::kDouble);
    const at::Tensor highest = at::maximum(here(largest_), top.to(at::kDouble));
    here(likeliest_).copy_(at::where(top.to(at::kDouble).gt(here(largest_)), best.add(first), here(likeliest_)));
    here(sum_).mul_(here(largest_).sub(highest).exp()).add_(sum.mul(top.to(at::kDouble).sub(highest).exp()));
    here(largest_).copy_(highest);
  }
}

at::Tensor NextTokenLoss::nats() const {
  return largest_.add(sum_.log()).sub(target_).masked_fill(next_.lt(0), 0).to(at::kCPU, at::kFloat).contiguous();
}

at::Tensor NextTokenLoss::likeliest() const {
  return likeliest_.to(at::kCPU, at::kInt).contiguous();
}

}  // namespace moescope
