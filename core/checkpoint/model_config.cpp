// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/model_config.h"

#include <fmt/core.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>

namespace moescope {
namespace {

template <class Kind, std::size_t count>
using Names = std::array<std::pair<const char*, Kind>, count>;

constexpr Names<NormKind, 1> normNames{{{"rms", NormKind::rms}}};
constexpr Names<BlockKind, 1> blockNames{{{"pre", BlockKind::pre}}};
constexpr Names<AttentionKind, 1> attentionNames{{{"grouped", AttentionKind::grouped}}};
constexpr Names<QkNorm, 3> qkNormNames{{{"none", QkNorm::none}, {"head", QkNorm::head}, {"full", QkNorm::full}}};
constexpr Names<RopeKind, 2> ropeNames{{{"none", RopeKind::none}, {"half", RopeKind::half}}};
constexpr Names<ActivationKind, 1> activationNames{{{"silu", ActivationKind::silu}}};

template <class Kind, std::size_t count>
const char* nameIn(const Names<Kind, count>& names, Kind kind) {
  for (const auto& [name, value] : names)
    if (value == kind) return name;
  return "";
}

// Reads one object's values by name; the first failure stays.
class Reader {
 public:
  Reader(const Json& object, std::string file) : object_(object), file_(std::move(file)) {}

  void operator()(const char* key, std::int64_t& into) {
    const Json* value = find(key, "an integer", [](const Json& json) { return json.is_number_integer(); });
    if (value && value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX)
      return fail(key, "is too large");
    if (value) into = value->get<std::int64_t>();
  }
  void operator()(const char* key, double& into) {
    const Json* value = find(key, "a number", [](const Json& json) { return json.is_number(); });
    if (value) into = value->get<double>();
  }
  void operator()(const char* key, bool& into) {
    const Json* value = find(key, "true or false", [](const Json& json) { return json.is_boolean(); });
    if (value) into = value->get<bool>();
  }
  void operator()(const char* key, std::string& into) {
    const Json* value = find(key, "a string", [](const Json& json) { return json.is_string(); });
    if (value) into = value->get<std::string>();
  }
  template <class Kind, std::size_t count>
  void operator()(const char* key, const Names<Kind, count>& names, Kind& into) {
    std::string given;
    (*this)(key, given);
    if (error_) return;
    for (const auto& [name, value] : names)
      if (given == name) {
        into = value;
        return;
      }
    fail(key, fmt::format("is \"{}\", which this version does not know", given));
  }
  void operator()(const char* key, std::map<std::string, double>& into) {
    const Json* value = find(key, "an object of numbers", [](const Json& json) { return json.is_object(); });
    if (!value) return;
    for (const auto& [name, number] : value->items()) {
      if (!number.is_number()) return fail(key, fmt::format("holds \"{}\", which is not a number", name));
      into[name] = number.get<double>();
    }
  }
  void operator()(const char* key, std::set<std::int64_t>& into) {
    const Json* value = find(key, "a list of integers", [](const Json& json) { return json.is_array(); });
    if (!value) return;
    for (const Json& item : *value) {
      if (!item.is_number_integer()) return fail(key, "holds something that is not an integer");
      into.insert(item.get<std::int64_t>());
    }
  }
  Reader inner(const char* key) {
    const Json* value = find(key, "an object", [](const Json& json) { return json.is_object(); });
    static const Json none = Json::object();
    Reader reader(value ? *value : none, file_);
    reader.error_ = error_;
    return reader;
  }
  const std::optional<Error>& error() const { return error_; }

 private:
  template <class Test>
  const Json* find(const char* key, const char* wanted, Test test) {
    if (error_) return nullptr;
    const auto found = object_.find(key);
    if (found == object_.end()) return fail(key, "is missing"), nullptr;
    if (!test(*found)) return fail(key, fmt::format("must be {}", wanted)), nullptr;
    return &*found;
  }
  void fail(const char* key, const std::string& reason) {
    if (!error_) error_ = inputError(fmt::format("{}: \"{}\" {}", file_, key, reason), file_);
  }

  const Json& object_;
  std::string file_;
  std::optional<Error> error_;
};

Expected<void> checkAttention(const ModelConfig& config) {
  const AttentionConfig& attention = config.attention;
  if (attention.heads < 1 || attention.keyHeads < 1)
    return usageError(fmt::format("there must be at least one attention head, not {} with {} for keys", attention.heads,
                                  attention.keyHeads));
  if (attention.heads % attention.keyHeads != 0)
    return usageError(
        fmt::format("{} attention heads cannot share {} key heads evenly: the first must be a multiple of the second",
                    attention.heads, attention.keyHeads));
  if (attention.headWidth < 1)
    return usageError(fmt::format("the width of an attention head is {}: it must be at least 1", attention.headWidth));
  if (attention.rope == RopeKind::half && attention.headWidth % 2 != 0)
    return usageError(fmt::format(
        "rotary positions need an even head width, not {}: choose hidden and heads so that hidden / heads is even",
        attention.headWidth));
  if (!(attention.ropeTheta > 0) || !std::isfinite(attention.ropeTheta))
    return usageError("the base of the rotary positions must be a positive number");
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
  return {};
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
  TRY_DO(checkAttention(config));
  return checkExperts(config);
}

Expected<void> checkTraining(const ModelConfig& config) {
  TRY_DO(checkConfig(config));
  const MoeConfig& moe = config.moe;
  if (config.sparseLayers() == 0) return {};
  const bool renormalised = moe.router.kind == "softmax" || moe.router.kind == "noisy";
  if (renormalised && moe.topK == 1 && moe.experts > 1)
    return usageError(
        fmt::format("router {} with top_k 1 gives every weight 1, so the router would never learn from the task: "
                    "use router softmax_raw or switch, or top_k of at least 2",
                    moe.router.kind));
  if (moe.router.kind == "switch" && moe.topK != 1)
    return usageError(fmt::format("router switch chooses one expert a token: set top_k to 1, not {}", moe.topK));
  return {};
}

Json toJson(const ModelConfig& config) {
  const AttentionConfig& attention = config.attention;
  const MoeConfig& moe = config.moe;
  return {
      {"vocabulary", config.vocabulary},
      {"hidden", config.hidden},
      {"layers", config.layers},
      {"length", config.length},
      {"dense_width", config.denseWidth},
      {"block", nameIn(blockNames, config.block)},
      {"norm", nameIn(normNames, config.norm)},
      {"norm_epsilon", config.normEpsilon},
      {"activation", nameIn(activationNames, config.activation)},
      {"tied_head", config.tiedHead},
      {"attention",
       {{"kind", nameIn(attentionNames, attention.kind)},
        {"heads", attention.heads},
        {"key_heads", attention.keyHeads},
        {"head_width", attention.headWidth},
        {"input_bias", attention.inputBias},
        {"output_bias", attention.outputBias},
        {"qk_norm", nameIn(qkNormNames, attention.qkNorm)},
        {"rope", nameIn(ropeNames, attention.rope)},
        {"rope_theta", attention.ropeTheta}}},
      {"moe",
       {{"experts", moe.experts},
        {"top_k", moe.topK},
        {"expert_width", moe.expertWidth},
        {"shared_experts", moe.sharedExperts},
        {"shared_width", moe.sharedWidth},
        {"shared_gate", moe.sharedGate},
        {"dense_layers", moe.denseLayers},
        {"router",
         {{"kind", moe.router.kind},
          {"balance", moe.router.balance},
          {"z_loss", moe.router.zLoss},
          {"capacity", moe.router.capacity},
          {"options", moe.router.options}}}}},
  };
}

Expected<ModelConfig> modelConfigFromJson(const Json& json, const std::string& file) {
  if (!json.is_object()) return inputError(fmt::format("{}: a model's switches must be an object", file), file);
  ModelConfig config;
  Reader read(json, file);
  read("vocabulary", config.vocabulary);
  read("hidden", config.hidden);
  read("layers", config.layers);
  read("length", config.length);
  read("dense_width", config.denseWidth);
  read("block", blockNames, config.block);
  read("norm", normNames, config.norm);
  read("norm_epsilon", config.normEpsilon);
  read("activation", activationNames, config.activation);
  read("tied_head", config.tiedHead);
  Reader attention = read.inner("attention");
  attention("kind", attentionNames, config.attention.kind);
  attention("heads", config.attention.heads);
  attention("key_heads", config.attention.keyHeads);
  attention("head_width", config.attention.headWidth);
  attention("input_bias", config.attention.inputBias);
  attention("output_bias", config.attention.outputBias);
  attention("qk_norm", qkNormNames, config.attention.qkNorm);
  attention("rope", ropeNames, config.attention.rope);
  attention("rope_theta", config.attention.ropeTheta);
  Reader moe = read.inner("moe");
  moe("experts", config.moe.experts);
  moe("top_k", config.moe.topK);
  moe("expert_width", config.moe.expertWidth);
  moe("shared_experts", config.moe.sharedExperts);
  moe("shared_width", config.moe.sharedWidth);
  moe("shared_gate", config.moe.sharedGate);
  moe("dense_layers", config.moe.denseLayers);
  Reader router = moe.inner("router");
  router("kind", config.moe.router.kind);
  router("balance", config.moe.router.balance);
  router("z_loss", config.moe.router.zLoss);
  router("capacity", config.moe.router.capacity);
  router("options", config.moe.router.options);
  for (const Reader* reader : {&read, &attention, &moe, &router})
    if (reader->error()) return *reader->error();
  const Expected<void> sound = checkConfig(config);
  if (!sound) return inputError(fmt::format("{}: {}", file, sound.error().message), file);
  return config;
}

}  // namespace moescope
