// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return moe.experts > 0 && moe.denseLayers.empty() && moe.sharedWidth == 0 && moe.router.kind == "sigmoid_bias" &&
         moe.router.option("sigmoid_bias.renormalise", moe.topK > 1) != 0 &&
         moe.router.option("sigmoid_bias.scale", 1) == 1 && moe.router.option("sigmoid_bias.groups", 1) == 1 &&
         moe.router.capacity == 0 && config.attention.kind == AttentionKind::grouped &&
         config.attention.qkNorm == QkNorm::full && config.attention.rope == RopeKind::half &&
         !config.attention.inputBias && !config.attention.outputBias;
}

Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "minimax_m2", "MiniMaxM2ForCausalLM");
  json["rotary_dim"] = config.attention.turned();
  json["intermediate_size"] = config.moe.expertWidth;
  json["num_local_experts"] = config.moe.experts;
  json["num_experts_per_tok"] = config.moe.topK;
  json["scoring_func"] = "sigmoid";
  json["use_routing_bias"] = true;
  json["use_qk_norm"] = true;
  json["router_aux_loss_coef"] = config.moe.router.balance;
  json["output_router_logits"] = false;
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader, {.theta = 5e6, .part = 1});
  const std::int64_t turned = reader.integer({"rotary_dim"}, config.attention.turned());
  if (config.attention.rotaryWidth != 0 && turned != config.attention.rotaryWidth)
    reader.fail("\"rotary_dim\" contradicts \"partial_rotary_factor\"");
  config.attention.rotaryWidth = turned == config.attention.headWidth ? 0 : turned;
  config.attention.qkNorm = QkNorm::full;
  readExperts(reader, config.moe, 8);
  config.moe.expertWidth = reader.integer({"intermediate_size"});
  config.moe.router.kind = "sigmoid_bias";
  config.moe.router.options = {{"sigmoid_bias.scale", 1}, {"sigmoid_bias.renormalise", 1}};
  for (const char* key : {"use_routing_bias", "use_qk_norm"})
    if (!reader.flag(key, true)) reader.fail(std::string("\"") + key + "\" is false, which this family does not know");
  if (reader.text("scoring_func", "sigmoid") != "sigmoid")
    reader.fail("\"scoring_func\" is not sigmoid, and this family knows no other");
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  TensorNames names;
  names.experts = "block_sparse_moe.experts";
  names.layout = separateExperts("w1", "w3", "w2");
  names.router = "block_sparse_moe.gate.weight";
  names.routerBias = "block_sparse_moe.e_score_correction_bias";
  names.renames = {{".block_sparse_moe.", ".mlp."}};
  return names;
}

}  // namespace

Family minimaxM2Family() {
  return {"minimax_m2", "MiniMaxM2ForCausalLM", matches, write, read, names};
}

}  // namespace moescope
