// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ops/softmax.h>

#include "core/routing/noise.h"
#include "core/routing/routers.h"
#include "core/routing/selection.h"
#include "core/routing/token_choice.h"

namespace moescope {
namespace {

// One expert a token, weighted by its raw probability so that the router learns; during training the router's input is
// multiplied by U(1 - jitter, 1 + jitter) (Fedus et al. 2021, section 2.2 and appendix C).
class Switch final : public TokenChoice {
 public:
  Switch(const RouterConfig& config, const RouterShape& shape, at::Generator* seed, at::Device device)
      : TokenChoice(config, shape, seed, device), jitter_(config.option("switch.jitter", 0)) {}

 private:
  at::Tensor explored(const at::Tensor& x, const RouteContext& context) const override {
    if (!context.training || !context.generator || jitter_ <= 0) return x;
    return x.mul(uniformNoise(x, 1 - jitter_, 1 + jitter_, *context.generator));
  }
  Choice choose(const at::Tensor&, const at::Tensor& logits, const RouteContext&) const override {
    const at::Tensor probability = at::softmax(logits, 1);
    const at::Tensor expert = largest(probability, shape().topK);
    return {probability, expert, probability.gather(1, expert)};
  }

  double jitter_;
};

}  // namespace

RouterKind switchRouter() {
  return {{"switch",
           "one expert a token, weighted by its probability, usually with a capacity of 1 to 1.25 (Switch Transformer)",
           {real("jitter", 0, 0, 0.5, "",
                 "training multiplies the router's input by uniform noise of this half-width around 1")}},
          makeTokenChoice<Switch>};
}

}  // namespace moescope
