// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return moe.experts > 0 && moe.sharedExperts == 1 && moe.sharedWidth == moe.expertWidth && !moe.sharedGate &&
         moe.weightInput && moe.router.kind == "sigmoid" && moe.router.capacity == 0 &&
         config.attention.kind == AttentionKind::grouped && config.attention.rope == RopeKind::interleaved;
}

Json write(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  Json json = commonConfig(config, "llama4_text", "Llama4ForCausalLM");
  json["intermediate_size"] = moe.expertWidth;
  json["intermediate_size_mlp"] = config.denseWidth > 0 ? config.denseWidth : moe.expertWidth;
  json["num_local_experts"] = moe.experts;
  json["num_experts_per_tok"] = moe.topK;
  json["router_aux_loss_coef"] = moe.router.balance;
  json["router_jitter_noise"] = 0.0;
  json["output_router_logits"] = false;
  json["attention_bias"] = config.attention.inputBias;
  json["use_qk_norm"] = config.attention.qkNorm == QkNorm::length;
  json["moe_layers"] = json["no_rope_layers"] = Json::array();
  json["attention_chunk_size"] = nullptr;
  json["attn_temperature_tuning"] = false;
  for (std::int64_t layer = 0; layer < config.layers; ++layer) {
    const AttentionConfig& attention = config.attentionOf(layer);
    // The step is for those who do not look at the list; both agree in every release.
    if (config.isSparse(layer) && json["moe_layers"].empty()) json["interleave_moe_layer_step"] = layer + 1;
    if (config.isSparse(layer)) json["moe_layers"].push_back(layer);
    json["no_rope_layers"].push_back(attention.rope == RopeKind::none ? 0 : 1);
    if (attention.span == AttentionSpan::chunked) json["attention_chunk_size"] = attention.window;
    if (attention.temperature == 0) continue;
    json["attn_temperature_tuning"] = true;
    json["attn_scale"] = attention.temperature;
    json["floor_scale"] = static_cast<std::int64_t>(attention.temperatureFloor);
  }
  json["layer_types"] = layerTypes(config);
  return json;
}

std::set<std::int64_t> readDense(ConfigReader& reader, std::int64_t layers) {
  std::set<std::int64_t> dense;
  const std::int64_t step = reader.integer({"interleave_moe_layer_step"}, 1);
  if (step < 1 || layers > 4096) return reader.fail("\"interleave_moe_layer_step\" is out of range"), dense;
  const std::vector<double> listed = reader.reals("moe_layers");
  const std::set<double> sparse(listed.begin(), listed.end());
  for (std::int64_t layer = 0; layer < layers; ++layer)
    if (reader.has("moe_layers") ? !sparse.contains(static_cast<double>(layer)) : (layer + 1) % step != 0)
      dense.insert(layer);
  return dense;
}

// Layers without positions see everything, and may sharpen late queries.
void readWithoutPositions(ConfigReader& reader, ModelConfig& config) {
  const std::vector<double> listed = reader.reals("no_rope_layers");
  const std::int64_t every = reader.integer({"no_rope_layer_interval"}, 4);
  if (every < 1) return reader.fail("\"no_rope_layer_interval\" must be at least 1");
  if (!listed.empty() && static_cast<std::int64_t>(listed.size()) < config.layers)
    return reader.fail("\"no_rope_layers\" is shorter than there are layers");
  AttentionConfig still = config.attention;
  still.rope = RopeKind::none;
  still.qkNorm = QkNorm::none;
  still.span = AttentionSpan::full;
  still.window = 0;
  // Early files say 4 where later ones say true.
  const bool tuned = reader.has("attn_temperature_tuning") && reader.at("attn_temperature_tuning").is_number()
                         ? reader.integer({"attn_temperature_tuning"}) != 0
                         : reader.flag("attn_temperature_tuning", true);
  still.temperature = tuned ? reader.real("attn_scale", 0.1) : 0;
  still.temperatureFloor = reader.real("floor_scale", 8192);
  for (std::int64_t layer = 0; layer < std::min<std::int64_t>(config.layers, 4096); ++layer)
    if (listed.empty() ? (layer + 1) % every == 0 : listed[static_cast<std::size_t>(layer)] == 0)
      config.otherAttention[layer] = still;
}

// A model with an image tower keeps all of this under text_config.
Expected<ModelConfig> read(const Json& json, const std::string& file) {
  if (json.contains("text_config") && json["text_config"].is_object()) return read(json["text_config"], file);
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader, {.theta = 5e5});
  AttentionConfig& attention = config.attention;
  attention.inputBias = attention.outputBias = reader.flag("attention_bias", false);
  attention.rope = RopeKind::interleaved;
  if (reader.flag("use_qk_norm", true)) attention.qkNorm = QkNorm::length;
  const std::int64_t chunk = reader.integer({"attention_chunk_size"}, 0);
  if (chunk > 0 && !reader.has("layer_types")) {
    attention.span = AttentionSpan::chunked;
    attention.window = chunk;
  }
  MoeConfig& moe = config.moe;
  config.denseWidth = reader.integer({"intermediate_size_mlp"}, 16384);
  moe.experts = reader.integer({"num_local_experts", "num_experts"}, 16);
  moe.topK = reader.integer({"num_experts_per_tok"}, 1);
  moe.expertWidth = moe.sharedWidth = reader.integer({"intermediate_size"});
  moe.sharedExperts = 1;
  moe.weightInput = true;
  moe.router.kind = "sigmoid";
  moe.denseLayers = readDense(reader, config.layers);
  readWithoutPositions(reader, config);
  readSpans(reader, chunk, nullptr, config);
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  TensorNames names;
  names.dense = "feed_forward";
  names.experts = "feed_forward.experts";
  names.layout = transposedExperts(/*interleaved=*/false);
  names.router = "feed_forward.router.weight";
  names.shared = "feed_forward.shared_expert";
  return names;
}

}  // namespace

Family llama4Family() {
  return {"llama4_text", "Llama4ForCausalLM", matches, write, read, names, {"llama4"}};
}

}  // namespace moescope
