// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ops/softmax.h>

#include "core/routing/routers.h"
#include "core/routing/selection.h"
#include "core/routing/token_choice.h"

namespace moescope {
namespace {

// p = softmax(z); the k largest, divided by their sum: equal to the softmax over the k largest logits.
class Softmax final : public TokenChoice {
 public:
  using TokenChoice::TokenChoice;

 private:
  Choice choose(const at::Tensor&, const at::Tensor& logits, const RouteContext&) const override {
    const at::Tensor probability = at::softmax(logits, 1);
    const at::Tensor expert = largest(probability, shape().topK);
    const at::Tensor chosen = probability.gather(1, expert);
    return {probability, expert, chosen.div(chosen.sum(1, /*keepdim=*/true))};
  }
};

}  // namespace

RouterKind softmaxRouter() {
  return {{"softmax",
           "softmax over all experts; the weights of the chosen k are divided by their sum (Mixtral, Qwen3-MoE)"},
          makeTokenChoice<Softmax>};
}

}  // namespace moescope
