// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/losses.h"

#include <ATen/ops/logsumexp.h>
#include <ATen/ops/var.h>

#include <algorithm>

namespace moescope {

at::Tensor tokensOnly(const at::Tensor& rows, const at::Tensor& valid) {
  return valid.defined() ? rows.index({valid}) : rows;
}

at::Tensor balanceLoss(const at::Tensor& probability, const at::Tensor& count, const at::Tensor& valid,
                       std::int64_t k) {
  const at::Tensor tokens = tokensOnly(probability, valid);
  const std::int64_t experts = probability.size(1), rows = std::max<std::int64_t>(tokens.size(0), 1);
  const at::Tensor share = count.detach().to(probability.scalar_type()).div(static_cast<double>(rows));
  const at::Tensor mean = tokens.sum(0).div(static_cast<double>(rows));
  return share.mul(mean).sum().mul(static_cast<double>(experts) / static_cast<double>(k));
}

at::Tensor zLoss(const at::Tensor& logits, const at::Tensor& valid) {
  const at::Tensor tokens = tokensOnly(logits, valid);
  return at::logsumexp(tokens, 1).square().sum().div(static_cast<double>(std::max<std::int64_t>(tokens.size(0), 1)));
}

at::Tensor squaredVariation(const at::Tensor& values) {
  return at::var(values, /*unbiased=*/false).div(values.mean().square().add(1e-10));
}

}  // namespace moescope
