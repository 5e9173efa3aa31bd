// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return moe.experts > 0 && moe.topK == 2 && moe.denseLayers.empty() && moe.sharedWidth == 0 &&
         moe.router.kind == "sparsemixer" && moe.router.capacity == 0 && config.norm == NormKind::layer &&
         config.normBias && config.attention.qkNorm == QkNorm::none && config.attention.rope == RopeKind::half &&
         config.attention.inputBias == config.attention.outputBias;
}

Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "phimoe", "PhimoeForCausalLM");
  json["intermediate_size"] = config.moe.expertWidth;
  json["num_local_experts"] = config.moe.experts;
  json["num_experts_per_tok"] = config.moe.topK;
  json["router_aux_loss_coef"] = config.moe.router.balance;
  json["router_jitter_noise"] = config.moe.router.option("sparsemixer.jitter", 0.01);
  json["input_jitter_noise"] = 0.0;
  json["output_router_logits"] = false;
  json["attention_bias"] = config.attention.inputBias;
  json["lm_head_bias"] = config.headBias;
  json["sliding_window"] = slidingWindow(config);
  if (config.attention.scaling.kind == RopeScaling::longrope)
    json["original_max_position_embeddings"] = config.attention.scaling.original;
  return json;
}

// Beyond its original length a sequence turns by long_factor, as the released code does and the weights were trained;
// transformers 5.23 changes the amplitude there and stays with short_factor.
Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader, {.theta = 1e6});
  config.norm = NormKind::layer;
  config.normBias = true;
  config.headBias = reader.flag("lm_head_bias", false);
  config.attention.inputBias = config.attention.outputBias = reader.flag("attention_bias", false);
  config.moe.experts = reader.integer({"num_local_experts", "num_experts"}, 16);
  config.moe.topK = reader.integer({"num_experts_per_tok"}, 2);
  if (config.moe.topK != 2) reader.fail("\"num_experts_per_tok\" is not 2, and this family's router picks two");
  config.moe.expertWidth = reader.integer({"intermediate_size"});
  config.moe.router.kind = "sparsemixer";
  config.moe.router.options["sparsemixer.jitter"] = reader.real("router_jitter_noise", 0.01);
  slideEverywhere(reader.integer({"sliding_window"}, 0), config);
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  TensorNames names;
  names.experts = "block_sparse_moe.experts";
  names.layout = separateExperts("w1", "w3", "w2");
  names.router = "block_sparse_moe.gate.weight";
  names.renames = {{".block_sparse_moe.gate.", ".mlp.router."}, {".block_sparse_moe.", ".mlp."}};
  return names;
}

}  // namespace

Family phimoeFamily() {
  return {"phimoe", "PhimoeForCausalLM", matches, write, read, names};
}

}  // namespace moescope
