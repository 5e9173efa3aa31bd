// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/families.h"
#include "core/checkpoint/hugging_face.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  const AttentionConfig& attention = config.attention;
  return config.block == BlockKind::post && moe.experts > 0 && moe.denseLayers.empty() && moe.sharedWidth == 0 &&
         (moe.router.kind == "softmax" || moe.router.kind == "softmax_raw") && moe.router.capacity == 0 &&
         attention.qkNorm == QkNorm::full && attention.rope == RopeKind::half &&
         attention.inputBias == attention.outputBias && attention.headWidth * attention.heads == config.hidden;
}

Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "flex_olmo", "FlexOlmoForCausalLM");
  json.erase("head_dim");
  json["intermediate_size"] = config.moe.expertWidth;
  json["num_experts"] = config.moe.experts;
  json["num_experts_per_tok"] = config.moe.topK;
  json["norm_topk_prob"] = config.moe.router.kind == "softmax";
  json["router_aux_loss_coef"] = config.moe.router.balance;
  json["output_router_logits"] = false;
  json["attention_bias"] = config.attention.inputBias;
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader, {.theta = 500000});
  config.block = BlockKind::post;
  config.attention.qkNorm = QkNorm::full;
  config.attention.inputBias = config.attention.outputBias = reader.flag("attention_bias", false);
  readExperts(reader, config.moe);
  config.moe.expertWidth = reader.integer({"intermediate_size"});
  config.moe.router.kind = reader.flag("norm_topk_prob", false) ? "softmax" : "softmax_raw";
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  TensorNames names;
  names.attentionNorm = "post_attention_layernorm";
  names.feedForwardNorm = "post_feedforward_layernorm";
  return names;
}

}  // namespace

Family flexOlmoFamily() {
  return {"flex_olmo", "FlexOlmoForCausalLM", matches, write, read, names};
}

}  // namespace moescope
