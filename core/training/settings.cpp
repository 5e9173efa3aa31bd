// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/routing/router.h"

namespace moescope {
namespace {

constexpr std::array shapeParameters{"layers", "hidden",       "heads",          "kv_heads",     "experts",
                                     "top_k",  "expert_width", "shared_experts", "shared_gate",  "qk_norm",
                                     "router", "attention",    "dense_width",    "dense_layers", "tied"};

std::int64_t nearestDivisor(std::int64_t of, std::int64_t wanted) {
  for (std::int64_t away = 0; away < of; ++away)
    for (std::int64_t candidate : {wanted - away, wanted + away})
      if (candidate >= 1 && candidate <= of && of % candidate == 0) return candidate;
  return 1;
}

Error doesNotDivide(std::string_view part, std::int64_t value, std::string_view whole, std::int64_t of) {
  return usageError(fmt::format("{}={} does not divide {}={}; the nearest that does is {}={}.", part, value, whole, of,
                                part, nearestDivisor(of, value)));
}

QkNorm qkNormOf(const std::string& name) {
  return name == "head" ? QkNorm::head : name == "full" ? QkNorm::full : QkNorm::none;
}

std::vector<Option> attentionOptions() {
  return {{"grouped", "keys and values straight from the hidden state; heads may share them (kv_heads)"},
          {"latent",
           "keys and values of every head from one narrow vector a token (DeepSeek-V2, section 2.1)",
           {integer("rank", 32, 1, 16384, "", "width of the vector that keys and values share"),
            integer("query_rank", 0, 0, 16384, "", "width of a narrow vector for queries; 0 = none"),
            integer("rotary", 8, 2, 16384, "", "dimensions of a head, besides hidden / heads, that positions turn")}}};
}

void makeLatent(const Parameters& set, AttentionConfig& attention) {
  const std::int64_t width = attention.headWidth;
  attention.kind = AttentionKind::latent;
  attention.rope = RopeKind::interleaved;
  attention.latent = {set.integer("latent.query_rank"), set.integer("latent.rank"), width, set.integer("latent.rotary"),
                      width};
  attention.headWidth = width + attention.latent.rotary;
}

RouterConfig routerOf(const Parameters& set) {
  RouterConfig router{.kind = set.text("router"),
                      .balance = set.real("balance"),
                      .zLoss = set.real("z_loss"),
                      .capacity = set.real("capacity")};
  for (const Option& option : routerOptions())
    if (option.name == router.kind)
      for (const Parameter& own : option.parameters) {
        const std::string name = option.name + "." + own.name;
        const Json& value = set.value(name);
        router.options[name] = value.is_boolean() ? double(value.get<bool>()) : value.get<double>();
      }
  return router;
}

Expected<std::set<std::int64_t>> denseLayersOf(const Parameters& set, std::int64_t layers) {
  std::set<std::int64_t> dense;
  for (const Json& item : set.value("dense_layers")) {
    const bool whole = item.is_number() && item.get<double>() == double(std::int64_t(item.get<double>()));
    const std::int64_t layer = whole ? std::int64_t(item.get<double>()) : -1;
    if (layer < 0 || layer >= layers)
      return usageError(
          fmt::format("dense_layers holds {}, which is no layer; layers count from 0 to {}.", item.dump(), layers - 1));
    dense.insert(layer);
  }
  return dense;
}

}  // namespace

std::vector<Parameter> trainingParameters() {
  return {
      integer("layers", 4, 1, 256, "", "blocks of the decoder"),
      integer("hidden", 128, 8, 16384, "", "width of the residual stream"),
      integer("heads", 4, 1, 256, "", "attention heads; divides hidden"),
      integer("kv_heads", 0, 0, 256, "", "heads of keys and values, shared in groups; 0 = as many as heads")
          .secondary(),
      integer("experts", 8, 0, 1024, "", "routed experts a layer; 0 = a dense model"),
      integer("top_k", 2, 1, 128, "", "experts a token"),
      integer("expert_width", 128, 1, 65536, "", "hidden units of one expert"),
      integer("shared_experts", 0, 0, 64, "", "experts that every token meets, besides the routed ones"),
      flag("shared_gate", false, "scale the shared experts by a sigmoid gate (Qwen2-MoE)").secondary(),
      choice("qk_norm", "none",
             {{"none", "no normalisation of queries and keys"},
              {"head", "RMSNorm over each head (Qwen3)"},
              {"full", "RMSNorm over the whole projection (OLMoE)"}},
             "normalisation of queries and keys")
          .secondary(),
      choice("attention", "grouped", attentionOptions(), "where keys and values come from").secondary(),
      choice("router", "softmax", routerOptions(), "how tokens choose experts"),
      real("balance", 0.01, 0, 100, "", "coefficient of the balance loss (E/k) sum f P, whose balanced value is 1"),
      real("z_loss", 0.001, 0, 100, "", "coefficient of the router z-loss, the mean of (ln sum exp logits)^2"),
      real("capacity", 0, 0, 1024, "x fair share",
           "most assignments an expert takes of a batch; 0 = no limit, nothing is dropped"),
      integer("steps", 1000, 1, 1e9, "steps", "optimiser steps"),
      integer("batch", 16, 1, 65536, "sequences", "sequences a step"),
      integer("length", 128, 2, 131072, "tokens", "tokens a sequence"),
      real("learning_rate", 0.004, 0, 1e9, "", "peak of the schedule: linear warm-up, then a cosine to a tenth"),
      integer("seed", 0, 0, 1e15, "", "of the first weights, the order of the text and the routers' noise"),
      integer("accumulation", 1, 1, 65536, "parts", "a step's batch is run in this many parts, to save memory")
          .secondary(),
      integer("warmup", -1, -1, 1e9, "steps",
              "steps until the learning rate is at its peak; -1 = a twentieth of the run, at most 200")
          .secondary(),
      real("weight_decay", 0.1, 0, 10, "", "decoupled decay of matrices other than the router").secondary(),
      real("clip", 1, 0, 1e9, "", "largest norm of the gradient; 0 = no limit").secondary(),
      real("router_rate", 1, 0, 1000, "x", "learning rate of the router over that of the rest").secondary(),
      real("expert_rate", 1, 0, 1000, "x", "learning rate of the experts over that of the rest").secondary(),
      list("dense_layers", Json::array(), "blocks that have one dense MLP in place of experts, from 0").secondary(),
      integer("dense_width", 0, 0, 1048576, "",
              "hidden units of a dense MLP; 0 = as many as one token meets in a layer of experts")
          .secondary(),
      flag("tied", false, "share the embedding with the output head").secondary(),
      real("domain_temperature", 1, 0.01, 1000, "",
           "domains are drawn with probability ~ tokens^(1/temperature): 1 as they are, large = evenly")
          .secondary(),
      integer("snapshot_every", 100, 0, 1e9, "steps", "steps between snapshots; 0 = none but the last").secondary(),
      integer("validate_every", 50, 0, 1e9, "steps", "steps between validations; 0 = only with snapshots").secondary(),
      integer("validation_tokens", 8192, 0, 1e12, "tokens",
              "tokens of the validation split that are used, in turn from every domain; 0 = all")
          .secondary(),
  };
}

Expected<TrainingSettings> trainingSettings(const Parameters& set) {
  TrainingSettings settings{.steps = set.integer("steps"),
                            .batch = set.integer("batch"),
                            .length = set.integer("length"),
                            .accumulation = set.integer("accumulation"),
                            .rates = {set.real("weight_decay"), set.real("expert_rate"), set.real("router_rate")},
                            .clip = set.real("clip"),
                            .balance = set.real("balance"),
                            .zLoss = set.real("z_loss"),
                            .domainTemperature = set.real("domain_temperature"),
                            .seed = std::uint64_t(set.integer("seed")),
                            .snapshotEvery = set.integer("snapshot_every"),
                            .validateEvery = set.integer("validate_every"),
                            .validationTokens = set.integer("validation_tokens")};
  const std::int64_t warmup = set.integer("warmup");
  settings.schedule = {.peak = set.real("learning_rate"),
                       .warmup = warmup >= 0 ? warmup : std::min<std::int64_t>(200, settings.steps / 20),
                       .steps = settings.steps};
  if (settings.schedule.warmup > settings.steps)
    return usageError(fmt::format("warmup={} is longer than the run; use at most steps={}.", warmup, settings.steps));
  if (settings.batch % settings.accumulation != 0)
    return doesNotDivide("accumulation", settings.accumulation, "batch", settings.batch);
  return settings;
}

Expected<ModelConfig> modelConfigOf(const Parameters& set, std::int64_t vocabulary) {
  ModelConfig config;
  config.vocabulary = vocabulary;
  config.hidden = set.integer("hidden");
  config.layers = set.integer("layers");
  config.length = set.integer("length");
  config.tiedHead = set.flag("tied");
  const std::int64_t heads = set.integer("heads"), keyHeads = set.integer("kv_heads") ? set.integer("kv_heads") : heads;
  const std::int64_t experts = set.integer("experts"), topK = set.integer("top_k"),
                     shared = set.integer("shared_experts");
  if (config.hidden % heads != 0) return doesNotDivide("heads", heads, "hidden", config.hidden);
  if (heads % keyHeads != 0) return doesNotDivide("kv_heads", keyHeads, "heads", heads);
  if ((config.hidden / heads) % 2 != 0)
    return usageError(
        fmt::format("hidden={} over heads={} gives heads of {} dimensions; rotary positions turn pairs, so it must be "
                    "even: hidden={} is.",
                    config.hidden, heads, config.hidden / heads, heads * (config.hidden / heads + 1)));
  if (experts > 0 && topK > experts)
    return usageError(
        fmt::format("top_k={} is more than there are experts={}; use top_k={} or less.", topK, experts, experts));
  if (set.flag("shared_gate") && shared == 0)
    return usageError("shared_gate=true needs shared_experts; use shared_experts=1, or leave the gate out.");
  config.attention = {.heads = heads,
                      .keyHeads = keyHeads,
                      .headWidth = config.hidden / heads,
                      .qkNorm = qkNormOf(set.text("qk_norm"))};
  if (set.text("attention") == "latent") makeLatent(set, config.attention);
  const std::int64_t width = set.integer("expert_width");
  config.denseWidth = set.integer("dense_width") ? set.integer("dense_width") : (topK + shared) * width;
  if (experts > 0) {
    config.moe = {.experts = experts,
                  .topK = topK,
                  .expertWidth = width,
                  .sharedExperts = shared,
                  .sharedWidth = shared * width,
                  .sharedGate = set.flag("shared_gate"),
                  .router = routerOf(set)};
    TRY_ASSIGN(config.moe.denseLayers, denseLayersOf(set, config.layers));
  }
  TRY_DO(checkConfig(config));
  TRY_DO(checkTraining(config));
  return config;
}

Expected<void> checkSameShape(const Parameters& set, const ModelConfig& config) {
  for (const char* name : shapeParameters)
    if (set.given(name))
      return usageError(fmt::format(
          "{} was given together with a model to start from, which has a shape of its own; leave {} out.", name, name));
  if (set.integer("length") > config.length)
    return usageError(
        fmt::format("length={} is longer than the {} tokens that the given model was made for; use length={} or less.",
                    set.integer("length"), config.length, config.length));
  return {};
}

namespace {

std::int64_t latentSize(const AttentionConfig& attention, std::int64_t hidden) {
  const LatentConfig& latent = attention.latent;
  const std::int64_t query = attention.heads * attention.headWidth, shared = latent.rank + latent.rotary;
  const std::int64_t queries = latent.queryRank > 0 ? latent.queryRank * (hidden + 1 + query) : hidden * query;
  const std::int64_t bias = (attention.inputBias ? latent.queryRank + shared : 0) + (attention.outputBias ? hidden : 0);
  return queries + shared * hidden + latent.rank + attention.heads * (latent.plain + latent.value) * latent.rank +
         attention.heads * latent.value * hidden + bias;
}

std::int64_t attentionSize(const AttentionConfig& attention, std::int64_t hidden) {
  if (attention.kind == AttentionKind::latent) return latentSize(attention, hidden);
  const std::int64_t query = attention.heads * attention.headWidth, key = attention.keyHeads * attention.headWidth;
  const std::int64_t norm = !hasWeights(attention.qkNorm)      ? 0
                            : attention.qkNorm == QkNorm::full ? query + key
                                                               : 2 * attention.headWidth;
  const std::int64_t bias = (attention.inputBias ? query + 2 * key : 0) + (attention.outputBias ? hidden : 0);
  return 2 * hidden * query + 2 * hidden * key + norm + bias + (attention.sinks ? attention.heads : 0);
}

}  // namespace

ModelSize sizeOf(const ModelConfig& config) {
  const std::int64_t hidden = config.hidden;
  const MoeConfig& moe = config.moe;
  const std::int64_t shared = moe.sharedExperts > 0 ? 3 * hidden * moe.sharedWidth + (moe.sharedGate ? hidden : 0) : 0;
  const std::int64_t expert = 3 * hidden * moe.expertWidth;
  ModelSize size;
  size.parameters = hidden + config.vocabulary * hidden * (config.tiedHead ? 1 : 2);
  size.active = size.parameters;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const std::int64_t always =
        2 * hidden + attentionSize(config.attentionOf(layer), hidden) +
        (config.isSparse(layer) ? moe.experts * hidden + shared : 3 * hidden * config.denseWidth);
    size.parameters += always + (config.isSparse(layer) ? moe.experts * expert : 0);
    size.active += always + (config.isSparse(layer) ? moe.topK * expert : 0);
  }
  return size;
}

}  // namespace moescope
