// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/token_choice.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include "core/model/projection.h"
#include "core/routing/capacity.h"
#include "core/routing/losses.h"
#include "core/routing/selection.h"

namespace moescope {

TokenChoice::TokenChoice(const RouterConfig& config, const RouterShape& shape, at::Generator* seed, at::Device device,
                         Start start)
    : config_(config), shape_(shape), weight_(makeWeight(seed, device, start)) {
  if (config.bias) bias_ = at::zeros({shape.experts}, weight_.options()).set_requires_grad(true);
}

std::vector<NamedTensor> TokenChoice::parameters() const {
  std::vector<NamedTensor> all{{"router", weight_, Group::router}};
  if (bias_.defined()) all.push_back({"router_logit_bias", bias_, Group::router});
  return all;
}

at::Tensor TokenChoice::makeWeight(at::Generator* seed, at::Device device, Start start) const {
  at::Tensor weight = at::empty({shape_.experts, shape_.hidden}, at::kFloat);
  if (seed) start == Start::zero ? weight.zero_() : weight.normal_(0, 0.02, *seed);
  return weight.to(device).set_requires_grad(true);
}

Assignments TokenChoice::route(const at::Tensor& x, const RouteContext& context) const {
  const at::Tensor tokens = x.to(at::kFloat);
  Assignments result;
  result.logits = project(explored(tokens, context), weight_, bias_);
  Choice choice = choose(tokens, result.logits, context);
  result.probability = std::move(choice.probability);
  result.expert = std::move(choice.expert);
  result.losses = std::move(choice.losses);
  result.count = countChoices(result.expert, context.valid, shape_.experts);
  result.kept = withinCapacity(result.expert, context.valid, shape_.experts, config_.capacity, context.group);
  // Multiplied, not indexed: the gradients of what is kept stay as they are.
  result.weight = choice.weight.mul(result.kept);
  if (context.training && config_.balance > 0)
    result.losses["balance"] =
        balanceLoss(result.probability, result.count, context.valid, shape_.topK).mul(config_.balance);
  if (context.training && config_.zLoss > 0)
    result.losses["z"] = zLoss(result.logits, context.valid).mul(config_.zLoss);
  sortByExpert(result, shape_.experts);
  return result;
}

}  // namespace moescope
