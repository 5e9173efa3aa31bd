// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include "core/routing/routers.h"
#include "core/routing/selection.h"
#include "core/routing/token_choice.h"

namespace moescope {
namespace {

// p = softmax(z); the k largest of p + b are chosen, their p divided by their sum are the weights. b only steers the
// choice, as in sigmoid_bias, and moves likewise (ERNIE 4.5).
class SoftmaxBias final : public TokenChoice {
 public:
  SoftmaxBias(const RouterConfig& config, const RouterShape& shape, at::Generator* seed, at::Device device)
      : TokenChoice(config, shape, seed, device),
        bias_(at::zeros({shape.experts}, at::TensorOptions(at::kFloat).device(device))),
        rate_(config.option("softmax_bias.rate", 1e-3)),
        least_(config.option("softmax_bias.least", 1e-12)) {}

  std::vector<NamedTensor> buffers() const override { return {{"router_bias", bias_, Group::router}}; }

  void afterStep(const at::Tensor& count) override {
    const at::Tensor load = count.to(bias_.device(), at::kFloat);
    bias_.add_(load.mean().sub(load).sign(), rate_);
  }

 private:
  Choice choose(const at::Tensor&, const at::Tensor& logits, const RouteContext&) const override {
    const at::Tensor probability = at::softmax(logits, 1);
    const at::Tensor chosen = largest(probability.detach().add(bias_), shape().topK);
    const auto [expert, weight] = orderByWeight(chosen, probability.gather(1, chosen));
    return {probability, expert, weight.div(weight.sum(1, /*keepdim=*/true).clamp_min(least_))};
  }

  at::Tensor bias_;  // [E]
  double rate_, least_;
};

}  // namespace

RouterKind softmaxBiasRouter() {
  return {{"softmax_bias",
           "softmax over all experts, balanced by a bias that only steers the choice; the weights of the chosen k are "
           "divided by their sum (ERNIE 4.5)",
           {real("rate", 1e-3, 0, 1, "", "how far the bias of an expert moves after a step"),
            real("least", 1e-12, 0, 1, "", "the sum counts at least as this")}},
          makeTokenChoice<SoftmaxBias>};
}

}  // namespace moescope
