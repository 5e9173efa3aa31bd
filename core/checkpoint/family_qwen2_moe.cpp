// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  const AttentionConfig& attention = config.attention;
  return moe.experts > 0 && moe.sharedWidth > 0 && moe.sharedGate &&
         (moe.router.kind == "softmax" || moe.router.kind == "softmax_raw") && moe.router.capacity == 0 &&
         attention.qkNorm == QkNorm::none && attention.rope == RopeKind::half && !attention.outputBias;
}

Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "qwen2_moe", "Qwen2MoeForCausalLM");
  json["intermediate_size"] = config.denseWidth > 0 ? config.denseWidth : config.moe.expertWidth;
  json["moe_intermediate_size"] = config.moe.expertWidth;
  json["shared_expert_intermediate_size"] = config.moe.sharedWidth;
  json["num_experts"] = config.moe.experts;
  json["num_experts_per_tok"] = config.moe.topK;
  json["norm_topk_prob"] = config.moe.router.kind == "softmax";
  json["mlp_only_layers"] = config.moe.denseLayers;
  json["decoder_sparse_step"] = 1;
  json["router_aux_loss_coef"] = config.moe.router.balance;
  json["output_router_logits"] = false;
  json["qkv_bias"] = config.attention.inputBias;
  json["sliding_window"] = slidingWindow(config);
  json["use_sliding_window"] = !json["sliding_window"].is_null();
  if (json["use_sliding_window"] == true) json["layer_types"] = layerTypes(config);
  return json;
}

// Every other layer of the first ones.
bool slides(std::int64_t layer, ConfigReader& reader) {
  return reader.flag("use_sliding_window", false) && layer % 2 == 0 &&
         layer < reader.integer({"max_window_layers"}, 28);
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader);
  config.denseWidth = reader.integer({"intermediate_size"}, 0);
  config.attention.inputBias = reader.flag("qkv_bias", true);
  readExperts(reader, config.moe, 4);
  config.moe.expertWidth = reader.integer({"moe_intermediate_size"});
  config.moe.sharedWidth = reader.integer({"shared_expert_intermediate_size"});
  // The file knows the width of all shared experts together, not how many they were.
  config.moe.sharedExperts = 1;
  config.moe.sharedGate = true;
  config.moe.router.kind = reader.flag("norm_topk_prob", false) ? "softmax" : "softmax_raw";
  config.moe.denseLayers = readDenseLayers(reader, config.layers);
  readSpans(reader, reader.flag("use_sliding_window", false) ? reader.integer({"sliding_window"}, 4096) : 0, slides,
            config);
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  TensorNames names;
  names.shared = "mlp.shared_expert";
  return names;
}

}  // namespace

Family qwen2MoeFamily() {
  return {"qwen2_moe", "Qwen2MoeForCausalLM", matches, write, read, names};
}

}  // namespace moescope
