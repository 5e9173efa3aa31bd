// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/zeros.h>

#include "core/routing/routers.h"
#include "core/routing/selection.h"
#include "core/routing/token_choice.h"

namespace moescope {
namespace {

// s = sigmoid(z); the k largest of s + b are chosen, where there are groups of experts from the best of these (by the
// sum of their two largest); their s are the weights: b steers the choice and never enters a weight or a gradient.
// After each step b += rate * sign(mean count - count) (Wang et al. 2024, algorithm 1; DeepSeek-V3, section 2.1.2).
class SigmoidBias final : public TokenChoice {
 public:
  SigmoidBias(const RouterConfig& config, const RouterShape& shape, at::Generator* seed, at::Device device)
      : TokenChoice(config, shape, seed, device),
        bias_(at::zeros({shape.experts}, at::TensorOptions(at::kFloat).device(device))),
        rate_(config.option("sigmoid_bias.rate", 1e-3)),
        groups_(static_cast<std::int64_t>(config.option("sigmoid_bias.groups", 1))),
        keptGroups_(static_cast<std::int64_t>(config.option("sigmoid_bias.kept_groups", 1))),
        scale_(config.option("sigmoid_bias.scale", 1)),
        // A single renormalised weight would be constant, and the router without gradient.
        renormalise_(config.option("sigmoid_bias.renormalise", shape.topK > 1) != 0) {}

  std::vector<NamedTensor> buffers() const override { return {{"router_bias", bias_, Group::router}}; }

  void afterStep(const at::Tensor& count) override {
    const at::Tensor load = count.to(bias_.device(), at::kFloat);
    bias_.add_(load.mean().sub(load).sign(), rate_);
  }

 private:
  Choice choose(const at::Tensor&, const at::Tensor& logits, const RouteContext&) const override {
    const at::Tensor score = at::sigmoid(logits);
    const at::Tensor steered = keepGroups(score.detach().add(bias_), groups_, keptGroups_, /*parts=*/2);
    const at::Tensor chosen = largest(steered, shape().topK);
    auto [expert, weight] = orderByWeight(chosen, score.gather(1, chosen));
    if (renormalise_) weight = weight.div(weight.sum(1, /*keepdim=*/true).add(1e-20));
    return {score.div(score.sum(1, /*keepdim=*/true)), expert, weight.mul(scale_)};
  }

  at::Tensor bias_;  // [E]
  double rate_;
  std::int64_t groups_, keptGroups_;
  double scale_;
  bool renormalise_;
};

}  // namespace

RouterKind sigmoidBiasRouter() {
  return {
      {"sigmoid_bias",
       "sigmoid scores balanced by a bias that only steers the choice (auxiliary-loss-free, DeepSeek-V3, dots.llm1)",
       {real("rate", 1e-3, 0, 1, "", "how far the bias of an expert moves after a step"),
        integer("groups", 1, 1, 4096, "", "equal runs of experts of which a token may use kept_groups"),
        integer("kept_groups", 1, 1, 4096, "", "groups left to a token, those with the two best scores"),
        real("scale", 1, 1e-3, 1e3, "", "factor on the weights, which sum to it")}},
      makeTokenChoice<SigmoidBias>};
}

}  // namespace moescope
