// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/model_config.h"

#include <fmt/core.h>

#include <cmath>

namespace moescope {
namespace {

Expected<void> checkRotary(const AttentionConfig& attention) {
  const RotaryScaling& scaling = attention.scaling;
  const std::int64_t turned = attention.turned();
  if (turned < 1 || turned % 2 != 0)
    return usageError(fmt::format(
        "rotary positions need an even head width, not {}: choose hidden and heads so that hidden / heads is even",
        turned));
  if (attention.kind == AttentionKind::grouped && turned > attention.headWidth)
    return usageError(
        fmt::format("rotary positions over {} dimensions do not fit a head of {}", turned, attention.headWidth));
  if (!(attention.ropeTheta > 0) || !std::isfinite(attention.ropeTheta))
    return usageError("the base of the rotary positions must be a positive number");
  if (scaling.kind == RopeScaling::none) return {};
  for (double value : {scaling.factor, scaling.fast, scaling.slow, scaling.low, scaling.high})
    if (!(value > 0) || !std::isfinite(value))
      return usageError("the factors of scaled rotary positions must be positive numbers");
  for (double value : {scaling.amplitude, scaling.mscale, scaling.mscaleAll, scaling.shortScale, scaling.longScale})
    if (!(value >= 0) || !std::isfinite(value))
      return usageError("the amplitudes of scaled rotary positions must be numbers of at least 0");
  if (scaling.kind != RopeScaling::linear && scaling.kind != RopeScaling::ntk && scaling.original < 1)
    return usageError("scaled rotary positions need the length before their extension");
  if ((scaling.kind == RopeScaling::dynamic || scaling.kind == RopeScaling::ntk) && turned < 4)
    return usageError("dynamic rotary positions need at least four dimensions");
  if (scaling.kind == RopeScaling::yarn && attention.ropeTheta == 1)
    return usageError("yarn needs a base of the rotary positions other than 1");
  if (scaling.kind == RopeScaling::llama3 && scaling.high < scaling.low)
    return usageError("the high frequency factor of llama3 rotary positions lies below the low one");
  if (scaling.kind == RopeScaling::longrope)
    for (const auto* factors : {&scaling.shortFactor, &scaling.longFactor}) {
      if (static_cast<std::int64_t>(factors->size()) != turned / 2)
        return usageError(
            fmt::format("longrope needs {} factors, one a pair of dimensions, not {}", turned / 2, factors->size()));
      for (double value : *factors)
        if (!(value > 0) || !std::isfinite(value)) return usageError("the factors of longrope must be positive");
    }
  return {};
}

Expected<void> checkLatent(const AttentionConfig& attention) {
  const LatentConfig& latent = attention.latent;
  constexpr std::int64_t widest = 1 << 24;
  for (std::int64_t width : {latent.rank, latent.plain, latent.rotary, latent.value})
    if (width < 1 || width > widest)
      return usageError(fmt::format("a width of {} in latent attention is outside 1 to {}", width, widest));
  if (latent.queryRank < 0 || latent.queryRank > widest)
    return usageError(fmt::format("a query rank of {} is outside 0 to {}", latent.queryRank, widest));
  if (attention.keyHeads != attention.heads || attention.headWidth != latent.plain + latent.rotary)
    return usageError("in latent attention every head has keys of its own, as wide as both their parts");
  if (attention.qkNorm != QkNorm::none || attention.sinks || attention.clip != 0)
    return usageError("latent attention knows neither norms of queries and keys nor sinks nor a clip");
  if (attention.rope == RopeKind::none) return usageError("latent attention needs rotary positions");
  return {};
}

Expected<void> checkAttention(const AttentionConfig& attention) {
  if (attention.heads < 1 || attention.keyHeads < 1)
    return usageError(fmt::format("there must be at least one attention head, not {} with {} for keys", attention.heads,
                                  attention.keyHeads));
  if (attention.heads % attention.keyHeads != 0)
    return usageError(
        fmt::format("{} attention heads cannot share {} key heads evenly: the first must be a multiple of the second",
                    attention.heads, attention.keyHeads));
  if (attention.headWidth < 1)
    return usageError(fmt::format("the width of an attention head is {}: it must be at least 1", attention.headWidth));
  if (attention.span != AttentionSpan::full && attention.window < 1)
    return usageError(fmt::format("a window of {} tokens: attention sees at least one", attention.window));
  if (!(attention.scoreScale >= 0) || !std::isfinite(attention.scoreScale))
    return usageError("the scale of attention scores must be a number of at least 0");
  if (!(attention.clip >= 0) || !std::isfinite(attention.clip))
    return usageError("queries, keys and values are kept within a number of at least 0");
  if (!std::isfinite(attention.temperature) || !(attention.temperatureFloor > 0))
    return usageError("the temperature of queries must be a number, and its floor positive");
  if (attention.kind == AttentionKind::latent) TRY_DO(checkLatent(attention));
  if (attention.rope != RopeKind::none) TRY_DO(checkRotary(attention));
  return {};
}

Expected<void> checkGroups(const MoeConfig& moe) {
  const double groups = moe.router.option(moe.router.kind + ".groups", 1),
               kept = moe.router.option(moe.router.kind + ".kept_groups", 1);
  if (groups == 1) return {};
  const auto experts = static_cast<double>(moe.experts);
  if (!(groups >= 1) || std::fmod(experts, groups) != 0)
    return usageError(fmt::format("{} experts do not make {} equal groups", moe.experts, groups));
  if (!(kept >= 1) || kept > groups || std::floor(kept) != kept)
    return usageError(fmt::format("{} of {} groups cannot be kept", kept, groups));
  if (static_cast<double>(moe.topK) > kept * experts / groups)
    return usageError(fmt::format("the {} groups that are kept hold fewer than {} experts", kept, moe.topK));
  // Scores of two experts say how good a group is.
  if (moe.router.kind == "sigmoid_bias" && experts < 2 * groups)
    return usageError("groups of experts need at least two each");
  return {};
}

Expected<void> checkExperts(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  if (moe.experts < 0 || moe.experts > 65534)
    return usageError(fmt::format("{} experts: between 0 (a dense model) and 65534 are possible", moe.experts));
  for (std::int64_t layer : moe.denseLayers)
    if (layer < 0 || layer >= config.layers)
      return usageError(fmt::format("dense layer {} does not exist: the model has {} layers", layer, config.layers));
  if (config.sparseLayers() < config.layers && config.denseWidth < 1)
    return usageError("dense layers need a width of at least 1");
  if (config.sparseLayers() == 0) return {};
  if (moe.topK < 1 || moe.topK > moe.experts)
    return usageError(fmt::format("top_k is {} but each layer has {} experts: it must lie between 1 and {}", moe.topK,
                                  moe.experts, moe.experts));
  if (moe.expertWidth < 1)
    return usageError(fmt::format("the width of an expert is {}: it must be at least 1", moe.expertWidth));
  if (moe.sharedExperts < 0 || moe.sharedWidth < 0 || (moe.sharedExperts > 0) != (moe.sharedWidth > 0))
    return usageError("shared experts need a number and a width, both positive, or neither");
  if (moe.sharedGate && moe.sharedWidth == 0) return usageError("a gate on shared experts needs shared experts");
  for (double value : {moe.router.balance, moe.router.zLoss, moe.router.capacity})
    if (!(value >= 0) || !std::isfinite(value))
      return usageError(
          "the coefficients of the balance loss and the z-loss and the capacity factor must be numbers of at least 0");
  return checkGroups(moe);
}

}  // namespace

double RouterConfig::option(const std::string& name, double fallback) const {
  const auto found = options.find(name);
  return found == options.end() ? fallback : found->second;
}

std::int64_t ModelConfig::sparseLayers() const {
  std::int64_t sparse = 0;
  for (std::int64_t layer = 0; layer < layers; ++layer) sparse += isSparse(layer);
  return sparse;
}

Expected<void> checkConfig(const ModelConfig& config) {
  constexpr std::int64_t widest = 1 << 24;
  if (config.layers < 1 || config.layers > 4096)
    return usageError(fmt::format("a model has between 1 and 4096 layers, not {}", config.layers));
  if (config.vocabulary < 1 || config.vocabulary > widest)
    return usageError(fmt::format("a vocabulary of {} is outside 1 to {}", config.vocabulary, widest));
  for (std::int64_t width :
       {config.hidden, config.attention.heads, config.attention.keyHeads, config.attention.headWidth, config.denseWidth,
        config.moe.expertWidth, config.moe.sharedWidth})
    if (width < 0 || width > widest) return usageError(fmt::format("a width of {} is outside 0 to {}", width, widest));
  if (config.hidden < 1) return usageError("the hidden width must be at least 1");
  if (config.length < 1) return usageError(fmt::format("a length of {} tokens: it must be at least 1", config.length));
  if (!(config.normEpsilon >= 0) || !std::isfinite(config.normEpsilon))
    return usageError("the epsilon of the norms must be a number of at least 0");
  if (config.normBias && config.norm != NormKind::layer) return usageError("only layer norms have a bias");
  for (double factor : {config.embeddingFactor, config.residualFactor, config.logitDivisor})
    if (!(factor > 0) || !std::isfinite(factor))
      return usageError("the factors on embeddings, sublayers and logits must be positive numbers");
  if (!(config.activationLimit > 0) || !std::isfinite(config.activationAlpha))
    return usageError("the limit of a clamped activation must be positive, its other factor a number");
  TRY_DO(checkAttention(config.attention));
  for (const auto& [layer, attention] : config.otherAttention) {
    if (layer < 0 || layer >= config.layers)
      return usageError(fmt::format("layer {} does not exist: the model has {} layers", layer, config.layers));
    TRY_DO(checkAttention(attention));
  }
  return checkExperts(config);
}

Expected<void> checkTraining(const ModelConfig& config) {
  TRY_DO(checkConfig(config));
  const MoeConfig& moe = config.moe;
  if (config.sparseLayers() == 0) return {};
  const bool renormalised =
      moe.router.kind == "softmax" || moe.router.kind == "softmax_bias" || moe.router.kind == "noisy";
  if (renormalised && moe.topK == 1 && moe.experts > 1)
    return usageError(
        fmt::format("router {} with top_k 1 gives every weight 1, so the router would never learn from the task: "
                    "use router softmax_raw or switch, or top_k of at least 2",
                    moe.router.kind));
  if (moe.router.kind == "sparsemixer")
    return usageError(
        "router sparsemixer is computed as trained models evaluate it, where most weights are exactly 1 and teach the "
        "router nothing; its sampling in training is not computed here: use router softmax_raw or softmax");
  if (moe.router.kind == "switch" && moe.topK != 1)
    return usageError(fmt::format("router switch chooses one expert a token: set top_k to 1, not {}", moe.topK));
  return {};
}

}  // namespace moescope
