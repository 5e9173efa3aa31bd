// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/noisy.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

#include "core/routing/losses.h"
#include "core/routing/noise.h"
#include "core/routing/routers.h"
#include "core/routing/selection.h"
#include "core/routing/token_choice.h"

namespace moescope {
namespace {

// H = x W + N(0,1) (softplus(x W_noise) + 0.01), the noise in training only; gates = softmax over the k largest of H.
// Both matrices start at zero, so the first steps are balanced by pure noise (Shazeer et al. 2017, section 2.1,
// appendix A).
class Noisy final : public TokenChoice {
 public:
  Noisy(const RouterConfig& config, const RouterShape& shape, at::Generator* seed, at::Device device)
      : TokenChoice(config, shape, seed, device, Start::zero),
        noise_(makeWeight(seed, device, Start::zero)),
        importance_(config.option("noisy.importance", 0.1)),
        load_(config.option("noisy.load", 0.1)) {}

  std::vector<NamedTensor> parameters() const override {
    std::vector<NamedTensor> all = TokenChoice::parameters();
    all.push_back({"router_noise", noise_, Group::router});
    return all;
  }

 private:
  Choice choose(const at::Tensor& x, const at::Tensor& logits, const RouteContext& context) const override {
    const bool noise = context.training && context.generator.has_value();
    at::Tensor deviation, perturbed = logits;
    if (noise) {
      deviation = at::softplus(at::linear(x, noise_)).add(1e-2);
      perturbed = logits.add(deviation.mul(normalNoise(logits, *context.generator)));
    }
    const at::Tensor expert = largest(perturbed, shape().topK);
    const at::Tensor weight = at::softmax(perturbed.gather(1, expert), 1);
    Choice choice{at::softmax(logits, 1), expert, weight};
    if (context.training && importance_ > 0) {
      const at::Tensor gates = at::zeros_like(logits).scatter(1, expert, weight);
      choice.losses["importance"] = squaredVariation(tokensOnly(gates, context.valid).sum(0)).mul(importance_);
    }
    // Without noise, or with every expert chosen, the load is a plain count and has no gradient.
    if (noise && load_ > 0 && shape().topK < shape().experts) {
      const at::Tensor load = tokensOnly(noisyLoad(logits, perturbed, deviation, shape().topK), context.valid).sum(0);
      choice.losses["load"] = squaredVariation(load).mul(load_);
    }
    return choice;
  }

  at::Tensor noise_;  // [E,H]
  double importance_, load_;
};

}  // namespace

at::Tensor noisyLoad(const at::Tensor& clean, const at::Tensor& noisy, const at::Tensor& deviation, std::int64_t k) {
  const at::Tensor top = noisy.gather(1, largest(noisy, k + 1));
  const at::Tensor toStay = top.narrow(1, k, 1), toEnter = top.narrow(1, k - 1, 1);
  const at::Tensor threshold = at::where(noisy.gt(toStay), toStay, toEnter);
  return clean.sub(threshold).div(deviation).mul(std::sqrt(0.5)).erf().add(1).mul(0.5);
}

RouterKind noisyRouter() {
  return {{"noisy",
           "learned Gaussian noise on the logits in training, softmax over the k largest (Shazeer et al. 2017)",
           {real("importance", 0.1, 0, 100, "", "coefficient of the squared variation of the experts' summed weights"),
            real("load", 0.1, 0, 100, "", "coefficient of the squared variation of the experts' smooth load")}},
          makeTokenChoice<Noisy>};
}

}  // namespace moescope
