// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/tally.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "core/routing/losses.h"

namespace moescope {
namespace {

template <class T>
std::vector<T> values(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.contiguous().cpu();
  return {plain.const_data_ptr<T>(), plain.const_data_ptr<T>() + plain.numel()};
}

}  // namespace

LayerTally tallyOf(const Assignments& assignments, const at::Tensor& valid) {
  at::NoGradGuard quiet;
  const at::Tensor logits = tokensOnly(assignments.logits.detach(), valid);
  const at::Tensor probability = tokensOnly(assignments.probability.detach(), valid);
  LayerTally tally{.experts = logits.size(1), .topK = assignments.expert.size(1), .tokens = logits.size(0)};
  tally.chosen = values<std::int64_t>(assignments.count);
  tally.dropped = tally.tokens * tally.topK - assignments.kept.sum().item<std::int64_t>();
  tally.probability = values<double>(probability.sum(0, false, at::kDouble));
  tally.entropy = -at::xlogy(probability, probability).sum(at::kDouble).item<double>();
  const at::Tensor logSumExp = logits.logsumexp(1).to(at::kDouble);
  tally.squaredLogSumExp = logSumExp.square().sum().item<double>();
  tally.largestLogit = tally.tokens > 0 ? logits.abs().max().item<double>() : 0;  // NaN where one logit is
  return tally;
}

}  // namespace moescope
