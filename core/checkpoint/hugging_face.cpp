// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/hugging_face.h"

#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

namespace moescope {
namespace {

constexpr double usualTheta = 10000;

void addMlp(std::vector<Slot>& slots, const std::string& onDisk, const TensorNames& names, const std::string& parameter,
            std::int64_t width, std::int64_t hidden, std::int64_t expert = -1) {
  slots.push_back({onDisk + "." + names.gate + ".weight", {width, hidden}, parameter + ".gate_up", expert, 0});
  slots.push_back({onDisk + "." + names.up + ".weight", {width, hidden}, parameter + ".gate_up", expert, width});
  slots.push_back({onDisk + "." + names.down + ".weight", {hidden, width}, parameter + ".down", expert, 0});
}

void addAttention(std::vector<Slot>& slots, const std::string& onDisk, const std::string& role,
                  const ModelConfig& config) {
  const AttentionConfig& attention = config.attention;
  const std::int64_t width = attention.heads * attention.headWidth, keyWidth = attention.keyHeads * attention.headWidth;
  const auto add = [&](const char* name, std::vector<std::int64_t> shape, const char* parameter) {
    slots.push_back({onDisk + "self_attn." + name, std::move(shape), role + parameter});
  };
  add("q_proj.weight", {width, config.hidden}, "query");
  add("k_proj.weight", {keyWidth, config.hidden}, "key");
  add("v_proj.weight", {keyWidth, config.hidden}, "value");
  add("o_proj.weight", {config.hidden, width}, "output");
  if (attention.inputBias) {
    add("q_proj.bias", {width}, "query_bias");
    add("k_proj.bias", {keyWidth}, "key_bias");
    add("v_proj.bias", {keyWidth}, "value_bias");
  }
  if (attention.outputBias) add("o_proj.bias", {config.hidden}, "output_bias");
  if (attention.qkNorm == QkNorm::none) return;
  const bool full = attention.qkNorm == QkNorm::full;
  add("q_norm.weight", {full ? width : attention.headWidth}, "query_norm");
  add("k_norm.weight", {full ? keyWidth : attention.headWidth}, "key_norm");
}

void addSparse(std::vector<Slot>& slots, const std::string& onDisk, const std::string& role, const ModelConfig& config,
               const TensorNames& names) {
  const MoeConfig& moe = config.moe;
  slots.push_back({onDisk + names.router, {moe.experts, config.hidden}, role + "router"});
  if (moe.router.kind == "sigmoid_bias")
    slots.push_back({onDisk + names.routerBias, {moe.experts}, role + "router_bias"});
  if (moe.router.kind == "noisy")
    slots.push_back({onDisk + names.routerNoise, {moe.experts, config.hidden}, role + "router_noise"});
  for (std::int64_t e = 0; e < moe.experts; ++e)
    addMlp(slots, fmt::format("{}{}.{}", onDisk, names.experts, e), names, role + "experts", moe.expertWidth,
           config.hidden, e);
  if (moe.sharedWidth > 0) {
    const TensorNames plain;
    addMlp(slots, onDisk + names.shared, plain, role + "shared", moe.sharedWidth, config.hidden);
  }
  if (moe.sharedGate) slots.push_back({onDisk + names.sharedGate, {1, config.hidden}, role + "shared.gate"});
}

}  // namespace

std::vector<Slot> decoderSlots(const ModelConfig& config, const TensorNames& names) {
  std::vector<Slot> slots;
  slots.push_back({"model.embed_tokens.weight", {config.vocabulary, config.hidden}, "embedding"});
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const std::string onDisk = fmt::format("model.layers.{}.", layer), role = fmt::format("layers.{}.", layer);
    slots.push_back({onDisk + "input_layernorm.weight", {config.hidden}, role + "attention_norm"});
    addAttention(slots, onDisk, role, config);
    slots.push_back({onDisk + "post_attention_layernorm.weight", {config.hidden}, role + "feed_forward_norm"});
    if (config.isSparse(layer))
      addSparse(slots, onDisk, role, config, names);
    else
      addMlp(slots, onDisk + "mlp", {}, role + "dense", config.denseWidth, config.hidden);
  }
  slots.push_back({"model.norm.weight", {config.hidden}, "norm"});
  if (!config.tiedHead) slots.push_back({"lm_head.weight", {config.vocabulary, config.hidden}, "head"});
  return slots;
}

Json commonConfig(const ModelConfig& config, const char* modelType, const char* architecture) {
  const AttentionConfig& attention = config.attention;
  return {
      {"architectures", {architecture}},
      {"model_type", modelType},
      {"vocab_size", config.vocabulary},
      {"hidden_size", config.hidden},
      {"num_hidden_layers", config.layers},
      {"num_attention_heads", attention.heads},
      {"num_key_value_heads", attention.keyHeads},
      {"head_dim", attention.headWidth},
      {"hidden_act", "silu"},
      {"max_position_embeddings", config.length},
      {"rms_norm_eps", config.normEpsilon},
      {"rope_theta",
       attention.ropeTheta},  // read by transformers 4 and by serving engines; rope_parameters by transformers 5
      {"rope_parameters", {{"rope_type", "default"}, {"rope_theta", attention.ropeTheta}}},
      {"tie_word_embeddings", config.tiedHead},
      {"attention_dropout", 0.0},
      {"initializer_range", 0.02},
      {"use_cache", true},
      {"dtype", "float32"},
      {"torch_dtype", "float32"},
      {"bos_token_id", nullptr},
      {"eos_token_id", nullptr},
      {"pad_token_id", nullptr},
  };
}

bool ConfigReader::has(const char* key) const {
  return json_.is_object() && json_.contains(key) && !json_[key].is_null();
}
const Json& ConfigReader::at(const char* key) const {
  return json_.at(key);
}

void ConfigReader::fail(const std::string& reason) {
  if (!error_) error_ = inputError(fmt::format("{}: {}", file_, reason), file_);
}

std::int64_t ConfigReader::integer(std::initializer_list<const char*> keys, std::optional<std::int64_t> fallback) {
  std::optional<std::int64_t> found;
  for (const char* key : keys) {
    if (!has(key)) continue;
    const Json& value = json_[key];
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT32_MAX) ||
        value.get<std::int64_t>() < INT32_MIN) {
      fail(fmt::format("\"{}\" must be an integer of ordinary size", key));
      return 0;
    }
    if (found && *found != value.get<std::int64_t>())
      fail(fmt::format("\"{}\" contradicts another name of the same number", key));
    found = value.get<std::int64_t>();
  }
  if (!found && !fallback) fail(fmt::format("\"{}\" is missing", *keys.begin()));
  return found.value_or(fallback.value_or(0));
}

double ConfigReader::real(const char* key, double fallback) {
  if (!has(key)) return fallback;
  if (json_[key].is_number()) return json_[key].get<double>();
  fail(fmt::format("\"{}\" must be a number", key));
  return fallback;
}

bool ConfigReader::flag(const char* key, bool fallback) {
  if (!has(key)) return fallback;
  if (json_[key].is_boolean()) return json_[key].get<bool>();
  fail(fmt::format("\"{}\" must be true or false", key));
  return fallback;
}

namespace {

double readTheta(ConfigReader& read) {
  double theta = read.real("rope_theta", usualTheta);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!read.has(key)) continue;
    const Json& rope = read.at(key);
    if (!rope.is_object()) {
      read.fail(fmt::format("\"{}\" must be an object", key));
      continue;
    }
    for (const char* type : {"rope_type", "type"})
      if (rope.contains(type) && rope[type] != "default")
        read.fail(fmt::format("\"{}\" asks for rotary positions of type {}, which this version does not compute", key,
                              rope[type].dump(-1, ' ', true, Json::error_handler_t::replace)));
    if (rope.contains("partial_rotary_factor") && rope["partial_rotary_factor"] != 1.0)
      read.fail("rotary positions over a part of a head are not computed by this version");
    if (rope.contains("rope_theta") && rope["rope_theta"].is_number()) theta = rope["rope_theta"].get<double>();
  }
  return theta;
}

void refuseSliding(ConfigReader& read, std::int64_t length) {
  if (read.has("layer_types")) {
    if (!read.at("layer_types").is_array()) return read.fail("\"layer_types\" must be a list");
    for (const Json& type : read.at("layer_types"))
      if (type != "full_attention")
        return read.fail(fmt::format("\"layer_types\" holds {}, which this version does not compute",
                                     type.dump(-1, ' ', true, Json::error_handler_t::replace)));
    return;
  }
  if (read.flag("use_sliding_window", true) && read.has("sliding_window") && read.integer({"sliding_window"}) < length)
    read.fail("\"sliding_window\" is shorter than the longest sequence, and this version computes full attention only");
}

}  // namespace

ModelConfig readCommon(ConfigReader& read) {
  ModelConfig config;
  config.vocabulary = read.integer({"vocab_size"});
  config.hidden = read.integer({"hidden_size"});
  config.layers = read.integer({"num_hidden_layers"});
  config.length = read.integer({"max_position_embeddings"}, 2048);
  config.normEpsilon = read.real("rms_norm_eps", 1e-6);
  config.tiedHead = read.flag("tie_word_embeddings", false);
  config.attention.heads = read.integer({"num_attention_heads"});
  config.attention.keyHeads = read.integer({"num_key_value_heads"}, config.attention.heads);
  const std::int64_t heads = config.attention.heads;
  config.attention.headWidth = read.integer({"head_dim"}, heads > 0 ? config.hidden / heads : 0);
  config.attention.ropeTheta = readTheta(read);
  if (read.has("hidden_act") && read.at("hidden_act") != "silu")
    read.fail("\"hidden_act\" is not silu, and this version computes no other activation");
  if (read.has("clip_qkv")) read.fail("\"clip_qkv\" is not computed by this version");
  refuseSliding(read, config.length);
  return config;
}

std::set<std::int64_t> readDenseLayers(ConfigReader& read, std::int64_t layers) {
  std::set<std::int64_t> dense;
  const std::int64_t step = read.integer({"decoder_sparse_step"}, 1);
  if (step < 1 || layers > 4096)
    return read.fail("\"decoder_sparse_step\" or \"num_hidden_layers\" is out of range"), dense;
  for (std::int64_t layer = 0; layer < layers; ++layer)
    if ((layer + 1) % step != 0) dense.insert(layer);
  if (!read.has("mlp_only_layers")) return dense;
  if (!read.at("mlp_only_layers").is_array()) return read.fail("\"mlp_only_layers\" must be a list of layers"), dense;
  for (const Json& layer : read.at("mlp_only_layers")) {
    if (!layer.is_number_integer()) return read.fail("\"mlp_only_layers\" must be a list of layers"), dense;
    if (layer.get<std::int64_t>() >= 0 && layer.get<std::int64_t>() < layers) dense.insert(layer.get<std::int64_t>());
  }
  return dense;
}

Expected<ModelConfig> finished(const ConfigReader& read, const ModelConfig& config, const std::string& file) {
  if (read.error()) return *read.error();
  const Expected<void> sound = checkConfig(config);
  if (!sound) return inputError(fmt::format("{}: {}", file, sound.error().message), file);
  return config;
}

}  // namespace moescope
