// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ops/cat.h>
#include <ATen/ops/max.h>
#include <ATen/ops/softmax.h>

#include <limits>

#include "core/routing/routers.h"
#include "core/routing/selection.h"
#include "core/routing/token_choice.h"

namespace moescope {
namespace {

// Picks experts one after another: the best of those that are left, weighted by its softmax over the few whose logits
// come close, (m - z) / max(|z|, m) <= 2 jitter, m the best. Weights of one token are not made to sum to anything
// (SparseMixer-v2, Liu et al. 2024, as Phi-3.5-MoE evaluates it; its sampling in training is not done here).
class Sparsemixer final : public TokenChoice {
 public:
  Sparsemixer(const RouterConfig& config, const RouterShape& shape, at::Generator* seed, at::Device device)
      : TokenChoice(config, shape, seed, device), jitter_(config.option("sparsemixer.jitter", 0.01)) {}

 private:
  Choice choose(const at::Tensor&, const at::Tensor& logits, const RouteContext&) const override {
    constexpr double never = -std::numeric_limits<double>::infinity();
    std::vector<at::Tensor> experts, weights;
    at::Tensor left = logits;
    for (std::int64_t pick = 0; pick < shape().topK; ++pick) {
      const at::Tensor expert = largest(left, 1);
      const at::Tensor best = left.detach().gather(1, expert);
      const at::Tensor distance = best.sub(logits.detach()).div(at::max(logits.detach().abs(), best));
      const at::Tensor close = left.masked_fill(distance.gt(2 * jitter_), never);
      experts.push_back(expert);
      weights.push_back(at::softmax(close, 1).gather(1, expert));
      left = left.scatter(1, expert, never);
    }
    auto [expert, weight] = orderByWeight(at::cat(experts, 1), at::cat(weights, 1));
    return {at::softmax(logits, 1), expert, weight};
  }

  double jitter_;
};

}  // namespace

RouterKind sparsemixerRouter() {
  return {{"sparsemixer",
           "experts picked one after another, each weighted by its softmax over those whose logits come close "
           "(Phi-3.5-MoE's evaluation; not for training)",
           {real("jitter", 0.01, 0, 10, "", "half the relative distance up to which logits come close")}},
          makeTokenChoice<Sparsemixer>};
}

}  // namespace moescope
