// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/model_config.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

namespace moescope {
namespace {

template <class Kind, std::size_t count>
using Names = std::array<std::pair<const char*, Kind>, count>;

constexpr Names<NormKind, 2> normNames{{{"rms", NormKind::rms}, {"layer", NormKind::layer}}};
constexpr Names<BlockKind, 2> blockNames{{{"pre", BlockKind::pre}, {"post", BlockKind::post}}};
constexpr Names<AttentionKind, 2> attentionNames{
    {{"grouped", AttentionKind::grouped}, {"latent", AttentionKind::latent}}};
constexpr Names<QkNorm, 5> qkNormNames{{{"none", QkNorm::none},
                                        {"head", QkNorm::head},
                                        {"full", QkNorm::full},
                                        {"turned", QkNorm::turned},
                                        {"length", QkNorm::length}}};
constexpr Names<RopeKind, 3> ropeNames{
    {{"none", RopeKind::none}, {"half", RopeKind::half}, {"interleaved", RopeKind::interleaved}}};
constexpr Names<RopeScaling, 7> scalingNames{{{"none", RopeScaling::none},
                                              {"linear", RopeScaling::linear},
                                              {"dynamic", RopeScaling::dynamic},
                                              {"ntk", RopeScaling::ntk},
                                              {"yarn", RopeScaling::yarn},
                                              {"llama3", RopeScaling::llama3},
                                              {"longrope", RopeScaling::longrope}}};
constexpr Names<AttentionSpan, 3> spanNames{
    {{"full", AttentionSpan::full}, {"sliding", AttentionSpan::sliding}, {"chunked", AttentionSpan::chunked}}};
constexpr Names<ActivationKind, 2> activationNames{
    {{"silu", ActivationKind::silu}, {"clamped", ActivationKind::clamped}}};

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
  void operator()(const char* key, std::vector<double>& into) {
    const Json* value = find(key, "a list of numbers", [](const Json& json) { return json.is_array(); });
    if (!value) return;
    for (const Json& item : *value) {
      if (!item.is_number()) return fail(key, "holds something that is not a number");
      into.push_back(item.get<double>());
    }
  }
  // A switch that came later: a file without it has its default.
  template <class... Arguments>
  void later(const char* key, Arguments&&... arguments) {
    if (has(key)) (*this)(key, std::forward<Arguments>(arguments)...);
  }
  Reader inner(const char* key) {
    const Json* value = find(key, "an object", [](const Json& json) { return json.is_object(); });
    static const Json none = Json::object();
    Reader reader(value ? *value : none, file_);
    reader.error_ = error_;
    return reader;
  }
  bool has(const char* key) const { return object_.contains(key); }
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

Json toJson(const RotaryScaling& scaling) {
  return {{"kind", nameIn(scalingNames, scaling.kind)},
          {"factor", scaling.factor},
          {"original", scaling.original},
          {"amplitude", scaling.amplitude},
          {"fast", scaling.fast},
          {"slow", scaling.slow},
          {"truncate", scaling.truncate},
          {"mscale", scaling.mscale},
          {"mscale_all", scaling.mscaleAll},
          {"low", scaling.low},
          {"high", scaling.high},
          {"short_factor", scaling.shortFactor},
          {"long_factor", scaling.longFactor},
          {"short_scale", scaling.shortScale},
          {"long_scale", scaling.longScale}};
}

Json toJson(const AttentionConfig& attention) {
  return {{"kind", nameIn(attentionNames, attention.kind)},
          {"heads", attention.heads},
          {"key_heads", attention.keyHeads},
          {"head_width", attention.headWidth},
          {"input_bias", attention.inputBias},
          {"output_bias", attention.outputBias},
          {"clip", attention.clip},
          {"qk_norm", nameIn(qkNormNames, attention.qkNorm)},
          {"rope", nameIn(ropeNames, attention.rope)},
          {"rope_theta", attention.ropeTheta},
          {"rotary_width", attention.rotaryWidth},
          {"scaling", toJson(attention.scaling)},
          {"latent",
           {{"query_rank", attention.latent.queryRank},
            {"rank", attention.latent.rank},
            {"plain", attention.latent.plain},
            {"rotary", attention.latent.rotary},
            {"value", attention.latent.value}}},
          {"span", nameIn(spanNames, attention.span)},
          {"window", attention.window},
          {"sinks", attention.sinks},
          {"score_scale", attention.scoreScale},
          {"temperature", attention.temperature},
          {"temperature_floor", attention.temperatureFloor}};
}

// Both give back the first failure.
std::optional<Error> readScaling(Reader scaling, RotaryScaling& into) {
  scaling.later("kind", scalingNames, into.kind);
  scaling.later("factor", into.factor);
  scaling.later("original", into.original);
  scaling.later("amplitude", into.amplitude);
  scaling.later("fast", into.fast);
  scaling.later("slow", into.slow);
  scaling.later("truncate", into.truncate);
  scaling.later("mscale", into.mscale);
  scaling.later("mscale_all", into.mscaleAll);
  scaling.later("low", into.low);
  scaling.later("high", into.high);
  scaling.later("short_factor", into.shortFactor);
  scaling.later("long_factor", into.longFactor);
  scaling.later("short_scale", into.shortScale);
  scaling.later("long_scale", into.longScale);
  return scaling.error();
}

std::optional<Error> readAttention(Reader attention, AttentionConfig& into) {
  attention("kind", attentionNames, into.kind);
  attention("heads", into.heads);
  attention("key_heads", into.keyHeads);
  attention("head_width", into.headWidth);
  attention("input_bias", into.inputBias);
  attention("output_bias", into.outputBias);
  attention("qk_norm", qkNormNames, into.qkNorm);
  attention("rope", ropeNames, into.rope);
  attention("rope_theta", into.ropeTheta);
  attention.later("clip", into.clip);
  attention.later("rotary_width", into.rotaryWidth);
  attention.later("span", spanNames, into.span);
  attention.later("window", into.window);
  attention.later("sinks", into.sinks);
  attention.later("score_scale", into.scoreScale);
  attention.later("temperature", into.temperature);
  attention.later("temperature_floor", into.temperatureFloor);
  if (attention.has("latent")) {
    Reader latent = attention.inner("latent");
    latent("query_rank", into.latent.queryRank);
    latent("rank", into.latent.rank);
    latent("plain", into.latent.plain);
    latent("rotary", into.latent.rotary);
    latent("value", into.latent.value);
    if (latent.error()) return latent.error();
  }
  if (attention.has("scaling"))
    if (const std::optional<Error> failure = readScaling(attention.inner("scaling"), into.scaling)) return failure;
  return attention.error();
}

Json toJson(const std::map<std::int64_t, AttentionConfig>& byLayer) {
  Json json = Json::object();
  for (const auto& [layer, attention] : byLayer) json[std::to_string(layer)] = toJson(attention);
  return json;
}

}  // namespace

Json toJson(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return {
      {"vocabulary", config.vocabulary},
      {"hidden", config.hidden},
      {"layers", config.layers},
      {"length", config.length},
      {"dense_width", config.denseWidth},
      {"block", nameIn(blockNames, config.block)},
      {"norm", nameIn(normNames, config.norm)},
      {"norm_bias", config.normBias},
      {"norm_epsilon", config.normEpsilon},
      {"activation", nameIn(activationNames, config.activation)},
      {"activation_alpha", config.activationAlpha},
      {"activation_limit", config.activationLimit},
      {"tied_head", config.tiedHead},
      {"head_bias", config.headBias},
      {"embedding_factor", config.embeddingFactor},
      {"residual_factor", config.residualFactor},
      {"logit_divisor", config.logitDivisor},
      {"attention", toJson(config.attention)},
      {"other_attention", toJson(config.otherAttention)},
      {"moe",
       {{"experts", moe.experts},
        {"top_k", moe.topK},
        {"expert_width", moe.expertWidth},
        {"shared_experts", moe.sharedExperts},
        {"shared_width", moe.sharedWidth},
        {"shared_gate", moe.sharedGate},
        {"expert_bias", moe.expertBias},
        {"weight_input", moe.weightInput},
        {"dense_layers", moe.denseLayers},
        {"router",
         {{"kind", moe.router.kind},
          {"balance", moe.router.balance},
          {"z_loss", moe.router.zLoss},
          {"capacity", moe.router.capacity},
          {"options", moe.router.options},
          {"bias", moe.router.bias}}}}},
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
  read.later("norm_bias", config.normBias);
  read("norm_epsilon", config.normEpsilon);
  read("activation", activationNames, config.activation);
  read.later("activation_alpha", config.activationAlpha);
  read.later("activation_limit", config.activationLimit);
  read("tied_head", config.tiedHead);
  read.later("head_bias", config.headBias);
  read.later("embedding_factor", config.embeddingFactor);
  read.later("residual_factor", config.residualFactor);
  read.later("logit_divisor", config.logitDivisor);
  const std::optional<Error> attention = readAttention(read.inner("attention"), config.attention);
  if (attention) return *attention;
  if (read.has("other_attention")) {
    Reader byLayer = read.inner("other_attention");
    for (std::int64_t layer = 0; layer < std::min<std::int64_t>(config.layers, 4096); ++layer) {
      const std::string key = std::to_string(layer);
      if (!byLayer.has(key.c_str())) continue;
      const std::optional<Error> other = readAttention(byLayer.inner(key.c_str()), config.otherAttention[layer]);
      if (other) return *other;
    }
  }
  Reader moe = read.inner("moe");
  moe("experts", config.moe.experts);
  moe("top_k", config.moe.topK);
  moe("expert_width", config.moe.expertWidth);
  moe("shared_experts", config.moe.sharedExperts);
  moe("shared_width", config.moe.sharedWidth);
  moe("shared_gate", config.moe.sharedGate);
  moe.later("expert_bias", config.moe.expertBias);
  moe.later("weight_input", config.moe.weightInput);
  moe("dense_layers", config.moe.denseLayers);
  Reader router = moe.inner("router");
  router("kind", config.moe.router.kind);
  router("balance", config.moe.router.balance);
  router("z_loss", config.moe.router.zLoss);
  router("capacity", config.moe.router.capacity);
  router("options", config.moe.router.options);
  router.later("bias", config.moe.router.bias);
  for (const Reader* reader : {&read, &moe, &router})
    if (reader->error()) return *reader->error();
  const Expected<void> sound = checkConfig(config);
  if (!sound) return inputError(fmt::format("{}: {}", file, sound.error().message), file);
  return config;
}

}  // namespace moescope
