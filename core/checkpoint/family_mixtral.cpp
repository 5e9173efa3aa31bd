// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return moe.experts > 0 && moe.denseLayers.empty() && moe.sharedWidth == 0 && moe.router.kind == "softmax" &&
         moe.router.capacity == 0 && config.attention.qkNorm == QkNorm::none &&
         config.attention.rope == RopeKind::half && !config.attention.inputBias && !config.attention.outputBias;
}

Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "mixtral", "MixtralForCausalLM");
  json["intermediate_size"] = config.moe.expertWidth;
  json["num_local_experts"] = config.moe.experts;
  json["num_experts_per_tok"] = config.moe.topK;
  json["router_aux_loss_coef"] = config.moe.router.balance;
  json["router_jitter_noise"] = 0.0;
  json["output_router_logits"] = false;
  json["sliding_window"] = slidingWindow(config);
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader, {.theta = 1e6});
  readExperts(reader, config.moe, 2);
  config.moe.expertWidth = reader.integer({"intermediate_size"});
  config.moe.router.kind = "softmax";
  slideEverywhere(reader.integer({"sliding_window"}, 0), config);
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  TensorNames names;
  names.experts = "block_sparse_moe.experts";
  names.layout = separateExperts("w1", "w3", "w2");
  names.router = "block_sparse_moe.gate.weight";
  names.renames = {{".block_sparse_moe.", ".mlp."}};
  return names;
}

}  // namespace

Family mixtralFamily() {
  return {"mixtral", "MixtralForCausalLM", matches, write, read, names};
}

}  // namespace moescope
