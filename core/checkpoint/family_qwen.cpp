// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

// Qwen2 and Qwen3 without experts: biases of queries, keys and values, or norms of queries and keys.
bool matchesSecond(const ModelConfig& config) {
  return config.sparseLayers() == 0 && config.attention.qkNorm == QkNorm::none && config.attention.inputBias &&
         !config.attention.outputBias && config.attention.rope == RopeKind::half;
}

bool matchesThird(const ModelConfig& config) {
  return config.sparseLayers() == 0 && config.attention.qkNorm == QkNorm::head &&
         config.attention.inputBias == config.attention.outputBias && config.attention.rope == RopeKind::half;
}

Json writeDense(const ModelConfig& config, const char* modelType, const char* architecture) {
  Json json = commonConfig(config, modelType, architecture);
  json["intermediate_size"] = config.denseWidth;
  json["sliding_window"] = slidingWindow(config);
  json["use_sliding_window"] = !json["sliding_window"].is_null();
  json["layer_types"] = layerTypes(config);
  std::int64_t full = 0;
  while (full < config.layers && config.attentionOf(full).span == AttentionSpan::full) ++full;
  json["max_window_layers"] = full;
  return json;
}

Json writeSecond(const ModelConfig& config) {
  return writeDense(config, "qwen2", "Qwen2ForCausalLM");
}

Json writeThird(const ModelConfig& config) {
  Json json = writeDense(config, "qwen3", "Qwen3ForCausalLM");
  json["attention_bias"] = config.attention.inputBias;
  return json;
}

bool slides(std::int64_t layer, ConfigReader& reader) {
  return reader.flag("use_sliding_window", false) && layer >= reader.integer({"max_window_layers"}, 28);
}

void readDense(ConfigReader& reader, ModelConfig& config) {
  config.denseWidth = reader.integer({"intermediate_size"});
  const bool sliding = reader.flag("use_sliding_window", false);
  readSpans(reader, sliding ? reader.integer({"sliding_window"}, 4096) : 0, slides, config);
}

Expected<ModelConfig> readSecond(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader);
  config.attention.inputBias = true;
  readDense(reader, config);
  return finished(reader, config, file);
}

Expected<ModelConfig> readThird(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader);
  if (!reader.has("head_dim")) config.attention.headWidth = 128;  // whatever the hidden width
  config.attention.qkNorm = QkNorm::head;
  config.attention.inputBias = config.attention.outputBias = reader.flag("attention_bias", false);
  readDense(reader, config);
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  return {};
}

}  // namespace

Family qwen2Family() {
  return {"qwen2", "Qwen2ForCausalLM", matchesSecond, writeSecond, readSecond, names};
}

Family qwen3Family() {
  return {"qwen3", "Qwen3ForCausalLM", matchesThird, writeThird, readThird, names};
}

}  // namespace moescope
