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
         moe.router.capacity == 0 && config.attention.kind == AttentionKind::latent;
}

Json write(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  Json json = commonConfig(config, "deepseek_v3", "DeepseekV3ForCausalLM");
  writeLatent(config.attention, json);
  json["rope_interleave"] = config.attention.rope == RopeKind::interleaved;
  json["intermediate_size"] = config.denseWidth > 0 ? config.denseWidth : moe.expertWidth;
  json["moe_intermediate_size"] = moe.expertWidth;
  json["n_routed_experts"] = moe.experts;
  json["n_shared_experts"] = moe.sharedExperts;
  json["num_experts_per_tok"] = moe.topK;
  json["first_k_dense_replace"] = moe.denseLayers.size();
  json["moe_layer_freq"] = 1;
  writeGroups(moe, json);
  json["topk_method"] = "noaux_tc";
  json["scoring_func"] = "sigmoid";
  json["norm_topk_prob"] = moe.router.option("sigmoid_bias.renormalise", moe.topK > 1) != 0;
  json["routed_scaling_factor"] = moe.router.option("sigmoid_bias.scale", 1);
  json["num_nextn_predict_layers"] = 0;
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader);
  MoeConfig& moe = config.moe;
  readLatent(reader, config.attention);
  if (!reader.flag("rope_interleave", true)) config.attention.rope = RopeKind::half;
  config.denseWidth = reader.integer({"intermediate_size"}, 0);
  readExperts(reader, moe, 8);
  moe.expertWidth = reader.integer({"moe_intermediate_size"});
  readShared(reader, moe);
  moe.denseLayers = readLeadingDense(reader, config.layers);
  moe.router.kind = "sigmoid_bias";
  moe.router.options["sigmoid_bias.scale"] = reader.real("routed_scaling_factor", 2.5);
  moe.router.options["sigmoid_bias.renormalise"] = reader.flag("norm_topk_prob", true);
  readGroups(reader, moe);
  if (reader.text("topk_method", "noaux_tc") != "noaux_tc")
    reader.fail("\"topk_method\" is not noaux_tc, and this family knows no other");
  if (reader.text("scoring_func", "sigmoid") != "sigmoid")
    reader.fail("\"scoring_func\" is not sigmoid, and this family knows no other");
  if (reader.integer({"moe_layer_freq"}, 1) != 1) reader.fail("\"moe_layer_freq\" is not 1");
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  return {};
}

}  // namespace

Family deepseekV3Family() {
  return {"deepseek_v3", "DeepseekV3ForCausalLM", matches, write, read, names, {"kimi_k2"}};
}

}  // namespace moescope
