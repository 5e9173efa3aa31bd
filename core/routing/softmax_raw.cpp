// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ops/softmax.h>

#include "core/routing/routers.h"
#include "core/routing/selection.h"
#include "core/routing/token_choice.h"

namespace moescope {
namespace {

// p = softmax(z); the k largest as they are: their sum stays below 1 (OLMoE; DeepSeekMoE).
class SoftmaxRaw final : public TokenChoice {
 public:
  using TokenChoice::TokenChoice;

 private:
  Choice choose(const at::Tensor&, const at::Tensor& logits, const RouteContext&) const override {
    const at::Tensor probability = at::softmax(logits, 1);
    const at::Tensor expert = largest(probability, shape().topK);
    return {probability, expert, probability.gather(1, expert)};
  }
};

}  // namespace

RouterKind softmaxRawRouter() {
  return {
      {"softmax_raw", "softmax over all experts; the chosen k keep their probabilities as weights (OLMoE, Qwen2-MoE)"},
      makeTokenChoice<SoftmaxRaw>};
}

}  // namespace moescope
