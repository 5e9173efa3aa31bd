// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/hugging_face.h"

#include <fmt/core.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"

namespace moescope {
Json commonConfig(const ModelConfig& config, const char* modelType, const char* architecture) {
  const AttentionConfig& attention = config.attention;
  Json json = {
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
  writeRotary(attention, json);
  return json;
}

bool ConfigReader::has(const char* key) const {
  return json_.is_object() && json_.contains(key) && !json_[key].is_null();
}
const Json& ConfigReader::at(const char* key) const {
  return json_.at(key);
}

ConfigReader ConfigReader::inner(const char* key) const {
  return {json_.at(key), fmt::format("in \"{}\"", key)};
}

void ConfigReader::fail(const std::string& reason) {
  if (!error_) error_ = inputError(fmt::format("{}: {}", file_, reason), file_);
}

std::int64_t ConfigReader::integer(std::initializer_list<const char*> keys, std::optional<std::int64_t> fallback) {
  std::optional<std::int64_t> found;
  const char* first = nullptr;
  for (const char* key : keys) {
    if (!has(key)) continue;
    const Json& value = json_[key];
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<std::uint64_t>() > INT32_MAX) ||
        value.get<std::int64_t>() < INT32_MIN) {
      fail(fmt::format("\"{}\" must be an integer of ordinary size", key));
      return 0;
    }
    if (found && *found != value.get<std::int64_t>())
      fail(fmt::format("\"{}\" is {}, but \"{}\", another name of the same number, is {}", key,
                       value.get<std::int64_t>(), first, *found));
    if (!found) first = key;
    found = value.get<std::int64_t>();
  }
  if (!found && !fallback) fail(fmt::format("\"{}\" is missing", *keys.begin()));
  return found.value_or(fallback.value_or(0));
}

std::vector<double> ConfigReader::reals(const char* key) {
  std::vector<double> values;
  if (!has(key)) return values;
  if (!json_[key].is_array()) return fail(fmt::format("\"{}\" must be a list of numbers", key)), values;
  for (const Json& value : json_[key]) {
    if (!value.is_number()) return fail(fmt::format("\"{}\" must be a list of numbers", key)), values;
    values.push_back(value.get<double>());
  }
  return values;
}

double ConfigReader::real(const char* key, double fallback) {
  if (!has(key)) return fallback;
  if (json_[key].is_number()) return json_[key].get<double>();
  fail(fmt::format("\"{}\" must be a number", key));
  return fallback;
}

std::string ConfigReader::text(const char* key, const char* fallback) {
  if (!has(key)) return fallback;
  if (json_[key].is_string()) return json_[key].get<std::string>();
  fail(fmt::format("\"{}\" must be a string", key));
  return fallback;
}

bool ConfigReader::flag(const char* key, bool fallback) {
  if (!has(key)) return fallback;
  if (json_[key].is_boolean()) return json_[key].get<bool>();
  fail(fmt::format("\"{}\" must be true or false", key));
  return fallback;
}

ModelConfig readCommon(ConfigReader& read, const RotaryDefaults& rotary) {
  ModelConfig config;
  config.vocabulary = read.integer({"vocab_size"});
  config.hidden = read.integer({"hidden_size"});
  config.layers = read.integer({"num_hidden_layers"});
  config.length = read.integer({"max_position_embeddings"}, 2048);
  config.normEpsilon = read.real("rms_norm_eps", 1e-6);
  config.tiedHead = read.flag("tie_word_embeddings", rotary.tied);
  config.attention.heads = read.integer({"num_attention_heads"});
  config.attention.keyHeads = read.integer({"num_key_value_heads"}, config.attention.heads);
  const std::int64_t heads = config.attention.heads;
  config.attention.headWidth = read.integer({"head_dim"}, heads > 0 ? config.hidden / heads : 0);
  readRotary(read, config.length, rotary, config.attention);
  if (read.has("hidden_act") && read.at("hidden_act") != "silu")
    read.fail("\"hidden_act\" is not silu, and this version computes no other activation");
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

std::set<std::int64_t> readLeadingDense(ConfigReader& read, std::int64_t layers) {
  std::set<std::int64_t> dense, listed;
  const std::int64_t count = read.integer({"first_k_dense_replace"}, 0);
  if (count < 0 || count > layers || count > 4096)
    return read.fail("\"first_k_dense_replace\" is not a number of layers"), dense;
  for (std::int64_t layer = 0; layer < count; ++layer) dense.insert(layer);
  if (!read.has("mlp_layer_types")) return dense;
  const Json& types = read.at("mlp_layer_types");
  if (!types.is_array() || static_cast<std::int64_t>(types.size()) < layers)
    return read.fail("\"mlp_layer_types\" must list every layer"), dense;
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const Json& type = types[static_cast<std::size_t>(layer)];
    if (type != "dense" && type != "sparse")
      return read.fail("\"mlp_layer_types\" holds something other than dense and sparse"), dense;
    if (type == "dense") listed.insert(layer);
  }
  if (read.has("first_k_dense_replace") && listed != dense)
    read.fail("\"mlp_layer_types\" contradicts \"first_k_dense_replace\"");
  return listed;
}

bool leadingDense(const MoeConfig& moe) {
  std::int64_t leading = 0;
  for (std::int64_t layer : moe.denseLayers)
    if (layer != leading++) return false;
  return true;
}

void readExperts(ConfigReader& read, MoeConfig& moe, std::optional<std::int64_t> usualTopK) {
  moe.experts =
      read.integer({"num_experts", "num_local_experts", "n_routed_experts", "moe_num_experts", "num_routed_experts"});
  moe.topK = read.integer({"num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_top_k", "moe_k",
                           "top_k_experts", "experts_per_token"},
                          usualTopK);
  if (moe.experts < 1) read.fail("it speaks of no experts, and this family is nothing without");
}

void readGroups(ConfigReader& read, MoeConfig& moe) {
  const std::int64_t groups = read.integer({"n_group"}, 1);
  if (groups == 1) return;
  moe.router.options[moe.router.kind + ".groups"] = static_cast<double>(groups);
  moe.router.options[moe.router.kind + ".kept_groups"] = static_cast<double>(read.integer({"topk_group"}, groups));
}

void writeGroups(const MoeConfig& moe, Json& json) {
  json["n_group"] = static_cast<std::int64_t>(moe.router.option(moe.router.kind + ".groups", 1));
  json["topk_group"] = static_cast<std::int64_t>(moe.router.option(moe.router.kind + ".kept_groups", 1));
}

void readShared(ConfigReader& read, MoeConfig& moe) {
  moe.sharedExperts = read.integer({"n_shared_experts", "num_shared_experts", "moe_num_shared_experts"}, 0);
  if (moe.sharedExperts < 0 || moe.sharedExperts > 4096) read.fail("\"n_shared_experts\" is out of range");
  if (!read.error()) moe.sharedWidth = moe.sharedExperts * moe.expertWidth;
}

Expected<ModelConfig> finished(const ConfigReader& read, const ModelConfig& config, const std::string& file) {
  if (read.error()) return *read.error();
  const Expected<void> sound = checkConfig(config);
  if (!sound) return inputError(fmt::format("{}: {}", file, sound.error().message), file);
  return config;
}

}  // namespace moescope
