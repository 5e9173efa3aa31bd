// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/router_words.h"

#include <fmt/core.h>

namespace moescope {
namespace {

std::string chosen(const MoeConfig& moe) {
  return moe.topK == 1 ? std::string("the largest is taken") : fmt::format("the {} largest are taken", moe.topK);
}

// Choosing within the best groups of experts (DeepSeek-V2 section 2.1.2, DeepSeek-V3 section 2.1.2).
std::string groups(const RouterConfig& router) {
  const double all = router.option(router.kind + ".groups", 1), kept = router.option(router.kind + ".kept_groups", 1);
  if (all <= 1 || kept >= all) return {};
  return fmt::format(" from the best {:.0f} of {:.0f} groups of experts", kept, all);
}

std::string scaled(double scale) {
  return scale == 1 ? std::string() : fmt::format(", times {}", scale);
}

std::string scoreWords(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  const RouterConfig& router = moe.router;
  const std::string pick = chosen(moe) + groups(router);
  const double scale = router.option(router.kind + ".scale", 1);
  const std::string logits = router.bias ? "the logits (with a bias)" : "the logits";
  if (router.kind == "softmax") {
    const double power = router.option("softmax.power", 1);
    return fmt::format("A softmax of {} over {} experts; {} and their weights divided by {}.", logits, moe.experts,
                       pick, power == 1 ? std::string("their sum") : fmt::format("their {}-norm", power));
  }
  if (router.kind == "softmax_raw")
    return fmt::format("A softmax of {} over {} experts; {}, with the weights as they are{}.", logits, moe.experts,
                       pick, scaled(scale));
  if (router.kind == "switch")
    return fmt::format("A softmax of {} over {} experts; the largest is taken, with its weight as it is.", logits,
                       moe.experts);
  if (router.kind == "noisy")
    return fmt::format(
        "A softmax of {} over {} experts, in training with learned noise; {} and their weights divided by their sum.",
        logits, moe.experts, pick);
  if (router.kind == "sigmoid_bias")
    return fmt::format(
        "A sigmoid of {} of each of {} experts; by the sum of it and a bias that keeps the load even {}; the weights "
        "are the sigmoids without the bias{}{}.",
        logits, moe.experts, pick,
        router.option("sigmoid_bias.renormalise", moe.topK > 1) != 0 ? ", divided by their sum" : "", scaled(scale));
  if (router.kind == "softmax_bias")
    return fmt::format(
        "A softmax of {} over {} experts; by the sum of it and a bias that keeps the load even {}; the weights are "
        "the shares without the bias, divided by their sum.",
        logits, moe.experts, pick);
  if (router.kind == "sigmoid")
    return fmt::format("The largest of {} over {} experts {}; a weight is the sigmoid of its logit.", logits,
                       moe.experts, moe.topK == 1 ? "is taken" : fmt::format("({} of them) are taken", moe.topK));
  if (router.kind == "sparsemixer")
    return fmt::format(
        "Two experts of {}, one after the other by sparsemixer: each weight is a softmax over the experts "
        "whose logits come close to the largest (Phi-3.5-MoE).",
        moe.experts);
  return fmt::format("Router {} over {} experts, {} a token.", router.kind, moe.experts, moe.topK);
}

}  // namespace

std::string routerInWords(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  if (config.sparseLayers() == 0) return {};
  std::string words = scoreWords(config);
  if (moe.weightInput) words += " The weight multiplies what an expert reads, not what it gives.";
  if (moe.sharedWidth > 0)
    words +=
        fmt::format(" Every token also passes {}{}.",
                    moe.sharedExperts == 1 ? "a shared expert" : fmt::format("{} shared experts", moe.sharedExperts),
                    moe.sharedGate ? ", weighted by a gate of its own" : "");
  if (moe.router.capacity > 0)
    words += fmt::format(" An expert takes at most {} times its fair share.", moe.router.capacity);
  if (config.sparseLayers() < config.layers)
    words += fmt::format(" {} of {} layers are dense.", config.layers - config.sparseLayers(), config.layers);
  return words;
}

}  // namespace moescope
