// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ops/softmax.h>

#include "core/routing/routers.h"
#include "core/routing/selection.h"
#include "core/routing/token_choice.h"

namespace moescope {
namespace {

// p = softmax(z); the k largest as they are: their sum stays below 1 (OLMoE; DeepSeekMoE). Where there are groups of
// experts, the k largest of the groups with the largest single p, times a factor (DeepSeek-V2, section 2.2.2).
class SoftmaxRaw final : public TokenChoice {
 public:
  SoftmaxRaw(const RouterConfig& config, const RouterShape& shape, at::Generator* seed, at::Device device)
      : TokenChoice(config, shape, seed, device),
        groups_(static_cast<std::int64_t>(config.option("softmax_raw.groups", 1))),
        keptGroups_(static_cast<std::int64_t>(config.option("softmax_raw.kept_groups", 1))),
        scale_(config.option("softmax_raw.scale", 1)) {}

 private:
  Choice choose(const at::Tensor&, const at::Tensor& logits, const RouteContext&) const override {
    const at::Tensor probability = at::softmax(logits, 1);
    const at::Tensor expert =
        largest(keepGroups(probability.detach(), groups_, keptGroups_, /*parts=*/1), shape().topK);
    return {probability, expert, probability.gather(1, expert).mul(scale_)};
  }

  std::int64_t groups_, keptGroups_;
  double scale_;
};

}  // namespace

RouterKind softmaxRawRouter() {
  return {{"softmax_raw",
           "softmax over all experts; the chosen k keep their probabilities as weights (OLMoE, Qwen2-MoE)",
           {integer("groups", 1, 1, 4096, "", "equal runs of experts of which a token may use kept_groups"),
            integer("kept_groups", 1, 1, 4096, "", "groups left to a token, those with the largest probability"),
            real("scale", 1, 1e-3, 1e3, "", "factor on the weights")}},
          makeTokenChoice<SoftmaxRaw>};
}

}  // namespace moescope
