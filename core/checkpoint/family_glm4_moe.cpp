// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return moe.experts > 1 && leadingDense(moe) && moe.sharedExperts > 0 && !moe.sharedGate &&
         moe.sharedWidth == moe.sharedExperts * moe.expertWidth && moe.router.kind == "sigmoid_bias" &&
         moe.router.capacity == 0 && config.attention.kind == AttentionKind::grouped &&
         (config.attention.qkNorm == QkNorm::head || config.attention.qkNorm == QkNorm::none) &&
         config.attention.rope == RopeKind::half && !config.attention.outputBias;
}

Json write(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  Json json = commonConfig(config, "glm4_moe", "Glm4MoeForCausalLM");
  // Half of a head turns where nothing else is said.
  if (config.attention.rotaryWidth == 0)
    json["partial_rotary_factor"] = json["rope_parameters"]["partial_rotary_factor"] = 1.0;
  json["intermediate_size"] = config.denseWidth > 0 ? config.denseWidth : moe.expertWidth;
  json["moe_intermediate_size"] = moe.expertWidth;
  json["n_routed_experts"] = moe.experts;
  json["n_shared_experts"] = moe.sharedExperts;
  json["num_experts_per_tok"] = moe.topK;
  json["first_k_dense_replace"] = moe.denseLayers.size();
  writeGroups(moe, json);
  json["norm_topk_prob"] = moe.router.option("sigmoid_bias.renormalise", moe.topK > 1) != 0;
  json["routed_scaling_factor"] = moe.router.option("sigmoid_bias.scale", 1);
  json["attention_bias"] = config.attention.inputBias;
  json["use_qk_norm"] = config.attention.qkNorm == QkNorm::head;
  json["num_nextn_predict_layers"] = 0;
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader, {.part = 0.5});
  MoeConfig& moe = config.moe;
  config.denseWidth = reader.integer({"intermediate_size"}, 0);
  config.attention.inputBias = reader.flag("attention_bias", false);
  config.attention.qkNorm = reader.flag("use_qk_norm", false) ? QkNorm::head : QkNorm::none;
  readExperts(reader, moe, 8);
  moe.expertWidth = reader.integer({"moe_intermediate_size"});
  readShared(reader, moe);
  moe.denseLayers = readLeadingDense(reader, config.layers);
  moe.router.kind = "sigmoid_bias";
  moe.router.options["sigmoid_bias.scale"] = reader.real("routed_scaling_factor", 1);
  moe.router.options["sigmoid_bias.renormalise"] = reader.flag("norm_topk_prob", true);
  readGroups(reader, moe);
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  return {};
}

}  // namespace

Family glm4MoeFamily() {
  return {"glm4_moe", "Glm4MoeForCausalLM", matches, write, read, names};
}

}  // namespace moescope
