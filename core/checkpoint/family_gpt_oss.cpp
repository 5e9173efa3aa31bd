// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return moe.experts > 0 && moe.denseLayers.empty() && moe.sharedWidth == 0 && moe.router.kind == "softmax" &&
         moe.router.bias && moe.router.capacity == 0 && moe.expertBias && config.attention.sinks &&
         config.activation == ActivationKind::clamped;
}

Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "gpt_oss", "GptOssForCausalLM");
  json["intermediate_size"] = config.moe.expertWidth;
  json["num_local_experts"] = config.moe.experts;
  json["num_experts_per_tok"] = config.moe.topK;
  json["experts_per_token"] = config.moe.topK;
  json["router_aux_loss_coef"] = config.moe.router.balance;
  json["output_router_logits"] = false;
  json["attention_bias"] = config.attention.inputBias;
  json["sliding_window"] = slidingWindow(config);
  json["layer_types"] = layerTypes(config);
  json["swiglu_alpha"] = config.activationAlpha;
  json["swiglu_limit"] = config.activationLimit;
  return json;
}

bool slides(std::int64_t layer, ConfigReader&) {
  return layer % 2 == 0;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader, {.theta = 150000});
  if (!reader.has("rope_scaling") && !reader.has("rope_parameters"))
    config.attention.scaling = {.kind = RopeScaling::yarn, .factor = 32, .original = 4096, .truncate = false};
  config.attention.inputBias = config.attention.outputBias = reader.flag("attention_bias", true);
  config.attention.sinks = true;
  config.activation = ActivationKind::clamped;
  config.activationAlpha = reader.real("swiglu_alpha", 1.702);
  config.activationLimit = reader.real("swiglu_limit", 7);
  config.moe.experts = reader.integer({"num_local_experts", "num_experts"});
  config.moe.topK = reader.integer({"num_experts_per_tok", "experts_per_token"}, 4);
  config.moe.expertWidth = reader.integer({"intermediate_size"});
  config.moe.expertBias = true;
  config.moe.router.kind = "softmax";  // equal to the softmax over the chosen logits
  config.moe.router.bias = true;
  readSpans(reader, reader.integer({"sliding_window"}, 128), slides, config);
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  TensorNames names;
  names.layout = transposedExperts(/*interleaved=*/true);
  names.router = "mlp.router.weight";
  names.routerLogitBias = "mlp.router.bias";
  return names;
}

}  // namespace

Family gptOssFamily() {
  return {"gpt_oss", "GptOssForCausalLM", matches, write, read, names};
}

}  // namespace moescope
