// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ops/norm.h>
#include <ATen/ops/softmax.h>

#include "core/routing/routers.h"
#include "core/routing/selection.h"
#include "core/routing/token_choice.h"

namespace moescope {
namespace {

// p = softmax(z); the k largest, divided by their sum: equal to the softmax over the k largest logits. DBRX divides by
// another norm of them.
class Softmax final : public TokenChoice {
 public:
  Softmax(const RouterConfig& config, const RouterShape& shape, at::Generator* seed, at::Device device)
      : TokenChoice(config, shape, seed, device), power_(config.option("softmax.power", 1)) {}

 private:
  Choice choose(const at::Tensor&, const at::Tensor& logits, const RouteContext&) const override {
    const at::Tensor probability = at::softmax(logits, 1);
    const at::Tensor expert = largest(probability, shape().topK);
    const at::Tensor chosen = probability.gather(1, expert);
    const at::Tensor size =
        power_ == 1 ? chosen.sum(1, /*keepdim=*/true) : at::norm(chosen, power_, {1}, /*keepdim=*/true);
    return {probability, expert, chosen.div(size)};
  }

  double power_;
};

}  // namespace

RouterKind softmaxRouter() {
  return {{"softmax",
           "softmax over all experts; the weights of the chosen k are divided by their sum (Mixtral, Qwen3-MoE)",
           {real("power", 1, 1e-3, 1e3, "", "the weights are divided by (sum of w^power)^(1/power)")}},
          makeTokenChoice<Softmax>};
}

}  // namespace moescope
