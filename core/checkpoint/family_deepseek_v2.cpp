// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return moe.experts > 0 && leadingDense(moe) && moe.sharedExperts > 0 && !moe.sharedGate &&
         moe.sharedWidth == moe.sharedExperts * moe.expertWidth && moe.router.kind == "softmax_raw" &&
         moe.router.capacity == 0 && config.attention.kind == AttentionKind::latent &&
         config.hidden % config.attention.heads == 0;
}

Json write(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  Json json = commonConfig(config, "deepseek_v2", "DeepseekV2ForCausalLM");
  writeLatent(config.attention, json);
  json["intermediate_size"] = config.denseWidth > 0 ? config.denseWidth : moe.expertWidth;
  json["moe_intermediate_size"] = moe.expertWidth;
  json["n_routed_experts"] = moe.experts;
  json["n_shared_experts"] = moe.sharedExperts;
  json["num_experts_per_tok"] = moe.topK;
  json["first_k_dense_replace"] = moe.denseLayers.size();
  json["moe_layer_freq"] = 1;
  writeGroups(moe, json);
  json["topk_method"] = json["n_group"] == 1 ? "greedy" : "group_limited_greedy";
  json["scoring_func"] = "softmax";
  json["norm_topk_prob"] = false;
  json["routed_scaling_factor"] = moe.router.option("softmax_raw.scale", 1);
  json["mlp_bias"] = false;
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader);
  MoeConfig& moe = config.moe;
  readLatent(reader, config.attention);
  config.denseWidth = reader.integer({"intermediate_size"}, 0);
  readExperts(reader, moe);
  moe.expertWidth = reader.integer({"moe_intermediate_size"});
  readShared(reader, moe);
  moe.denseLayers = readLeadingDense(reader, config.layers);
  moe.router.kind = "softmax_raw";
  moe.router.options["softmax_raw.scale"] = reader.real("routed_scaling_factor", 1);
  const std::string method = reader.text("topk_method", "greedy");
  if (method == "group_limited_greedy")
    readGroups(reader, moe);
  else if (method != "greedy")
    reader.fail("\"topk_method\" is neither greedy nor group_limited_greedy, and this family knows no other");
  if (reader.text("scoring_func", "softmax") != "softmax")
    reader.fail("\"scoring_func\" is not softmax, and this family knows no other");
  // transformers leaves the weights as they are, the code released with the models would divide them by their sum; no
  // release asks for it.
  if (reader.flag("norm_topk_prob", false))
    reader.fail("\"norm_topk_prob\" is true, which programs that read this family do not agree on");
  if (reader.integer({"moe_layer_freq"}, 1) != 1) reader.fail("\"moe_layer_freq\" is not 1");
  if (reader.flag("mlp_bias", false)) reader.fail("\"mlp_bias\" is not computed by this version");
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  return {};
}

}  // namespace

Family deepseekV2Family() {
  return {"deepseek_v2", "DeepseekV2ForCausalLM", matches, write, read, names};
}

}  // namespace moescope
