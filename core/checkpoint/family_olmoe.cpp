// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  const AttentionConfig& attention = config.attention;
  // A single choice with its raw probability is what the Switch router computes, too.
  const bool known = moe.router.kind == "softmax" || moe.router.kind == "softmax_raw" ||
                     (moe.router.kind == "switch" && moe.topK == 1);
  return moe.experts > 0 && moe.denseLayers.empty() && moe.sharedWidth == 0 && known && moe.router.capacity == 0 &&
         attention.qkNorm == QkNorm::full && attention.rope == RopeKind::half && !attention.inputBias &&
         !attention.outputBias && attention.headWidth * attention.heads == config.hidden;
}

Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "olmoe", "OlmoeForCausalLM");
  json.erase("head_dim");
  json["intermediate_size"] = config.moe.expertWidth;
  json["num_experts"] = config.moe.experts;
  json["num_experts_per_tok"] = config.moe.topK;
  json["norm_topk_prob"] = config.moe.router.kind == "softmax";
  json["router_aux_loss_coef"] = config.moe.router.balance;
  json["output_router_logits"] = false;
  json["attention_bias"] = false;
  json["clip_qkv"] = config.attention.clip > 0 ? Json(config.attention.clip) : Json();
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader);
  config.attention.qkNorm = QkNorm::full;
  config.attention.clip = reader.real("clip_qkv", 0);
  config.attention.inputBias = config.attention.outputBias = reader.flag("attention_bias", false);
  readExperts(reader, config.moe, 8);
  config.moe.expertWidth = reader.integer({"intermediate_size"});
  config.moe.router.kind = reader.flag("norm_topk_prob", false) ? "softmax" : "softmax_raw";
  readSpans(reader, 0, nullptr, config);
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  return {};
}

}  // namespace

Family olmoeFamily() {
  return {"olmoe", "OlmoeForCausalLM", matches, write, read, names};
}

}  // namespace moescope
