// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ops/sigmoid.h>

#include "core/routing/routers.h"
#include "core/routing/selection.h"
#include "core/routing/token_choice.h"

namespace moescope {
namespace {

// The k largest logits, each weighted by its own sigmoid (Llama 4, where the weight multiplies the expert's input).
class Sigmoid final : public TokenChoice {
 public:
  using TokenChoice::TokenChoice;

 private:
  Choice choose(const at::Tensor&, const at::Tensor& logits, const RouteContext&) const override {
    const at::Tensor score = at::sigmoid(logits);
    const at::Tensor expert = largest(logits, shape().topK);
    return {score.div(score.sum(1, /*keepdim=*/true)), expert, score.gather(1, expert)};
  }
};

}  // namespace

RouterKind sigmoidRouter() {
  return {{"sigmoid", "the k largest logits, each weighted by its own sigmoid (Llama 4)"}, makeTokenChoice<Sigmoid>};
}

}  // namespace moescope
