// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/checkpoint/families.h"
#include "core/checkpoint/hugging_face.h"

namespace moescope {
namespace {

bool matchesBoth(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  const bool scaled = config.attention.scoreScale > 0 || config.embeddingFactor != 1 || config.residualFactor != 1 ||
                      config.logitDivisor != 1;
  return scaled && moe.experts > 0 && moe.denseLayers.empty() && moe.sharedExperts <= 1 && !moe.sharedGate &&
         moe.router.kind == "softmax" && moe.router.option("softmax.power", 1) == 1 && moe.router.capacity == 0 &&
         config.attention.qkNorm == QkNorm::none && config.attention.rope == RopeKind::half &&
         config.attention.inputBias == config.attention.outputBias;
}

bool matches(const ModelConfig& config) {
  return matchesBoth(config) && config.moe.sharedWidth == 0;
}

bool matchesShared(const ModelConfig& config) {
  return matchesBoth(config) && config.moe.sharedWidth > 0;
}

Json writeBoth(const ModelConfig& config, const char* modelType, const char* architecture) {
  Json json = commonConfig(config, modelType, architecture);
  json["intermediate_size"] = config.moe.expertWidth;
  json["num_local_experts"] = config.moe.experts;
  json["num_experts_per_tok"] = config.moe.topK;
  json["attention_bias"] = config.attention.inputBias;
  json["embedding_multiplier"] = config.embeddingFactor;
  json["residual_multiplier"] = config.residualFactor;
  json["logits_scaling"] = config.logitDivisor;
  json["attention_multiplier"] = config.attention.scoreScale > 0
                                     ? config.attention.scoreScale
                                     : 1 / std::sqrt(static_cast<double>(config.attention.headWidth));
  json["router_aux_loss_coef"] = config.moe.router.balance;
  json["output_router_logits"] = false;
  return json;
}

Json write(const ModelConfig& config) {
  return writeBoth(config, "granitemoe", "GraniteMoeForCausalLM");
}

Json writeShared(const ModelConfig& config) {
  Json json = writeBoth(config, "granitemoeshared", "GraniteMoeSharedForCausalLM");
  json["shared_intermediate_size"] = config.moe.sharedWidth;
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader);
  config.attention.inputBias = config.attention.outputBias = reader.flag("attention_bias", false);
  config.attention.scoreScale = reader.real("attention_multiplier", 1);
  if (!(config.attention.scoreScale > 0)) reader.fail("\"attention_multiplier\" must be a positive number");
  config.embeddingFactor = reader.real("embedding_multiplier", 1);
  config.residualFactor = reader.real("residual_multiplier", 1);
  config.logitDivisor = reader.real("logits_scaling", 1);
  readExperts(reader, config.moe);
  config.moe.expertWidth = reader.integer({"intermediate_size"});
  config.moe.sharedWidth = reader.integer({"shared_intermediate_size"}, 0);
  config.moe.sharedExperts = config.moe.sharedWidth > 0;
  config.moe.router.kind = "softmax";  // over the chosen logits alone, which is the same
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  TensorNames names;
  names.experts = "block_sparse_moe";
  names.layout = parallelExperts(".");
  names.router = "block_sparse_moe.router.layer.weight";
  names.shared = "shared_mlp";
  names.sharedFused = true;
  names.renames = {{"block_sparse_moe.router.layer", "block_sparse_moe.router"},
                   {"block_sparse_moe.input_linear.weight", "block_sparse_moe.experts.gate_up_proj"},
                   {"block_sparse_moe.output_linear.weight", "block_sparse_moe.experts.down_proj"}};
  return names;
}

}  // namespace

Family graniteMoeFamily() {
  return {"granitemoe", "GraniteMoeForCausalLM", matches, write, read, names};
}

Family graniteMoeSharedFamily() {
  return {"granitemoeshared", "GraniteMoeSharedForCausalLM", matchesShared, writeShared, read, names};
}

}  // namespace moescope
