// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return moe.experts > 0 && moe.sharedWidth == 0 &&
         (moe.router.kind == "softmax" || moe.router.kind == "softmax_raw") && moe.router.capacity == 0 &&
         config.attention.qkNorm == QkNorm::head && config.attention.rope == RopeKind::half &&
         !config.attention.inputBias && !config.attention.outputBias;
}

Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "qwen3_moe", "Qwen3MoeForCausalLM");
  json["intermediate_size"] = config.denseWidth > 0 ? config.denseWidth : config.moe.expertWidth;
  json["moe_intermediate_size"] = config.moe.expertWidth;
  json["num_experts"] = config.moe.experts;
  json["num_experts_per_tok"] = config.moe.topK;
  json["norm_topk_prob"] = config.moe.router.kind == "softmax";
  json["mlp_only_layers"] = config.moe.denseLayers;
  json["decoder_sparse_step"] = 1;
  json["router_aux_loss_coef"] = config.moe.router.balance;
  json["output_router_logits"] = false;
  json["attention_bias"] = false;
  json["sliding_window"] = slidingWindow(config);
  json["use_sliding_window"] = !json["sliding_window"].is_null();
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader);
  config.denseWidth = reader.integer({"intermediate_size"}, 0);
  config.attention.qkNorm = QkNorm::head;
  config.attention.inputBias = config.attention.outputBias = reader.flag("attention_bias", false);
  readExperts(reader, config.moe, 8);
  config.moe.expertWidth = reader.integer({"moe_intermediate_size"});
  config.moe.router.kind = reader.flag("norm_topk_prob", false) ? "softmax" : "softmax_raw";
  config.moe.denseLayers = readDenseLayers(reader, config.layers);
  if (reader.flag("use_sliding_window", false)) slideEverywhere(reader.integer({"sliding_window"}, 4096), config);
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  return {};
}

}  // namespace

Family qwen3MoeFamily() {
  return {"qwen3_moe", "Qwen3MoeForCausalLM", matches, write, read, names};
}

}  // namespace moescope
