// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool renormalises(const MoeConfig& moe) {
  return moe.router.option("sigmoid_bias.renormalise", moe.topK > 1) != 0;
}

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return leadingDense(moe) && moe.experts > 1 && moe.sharedExperts > 0 &&
         moe.sharedWidth == moe.sharedExperts * moe.expertWidth && !moe.sharedGate &&
         moe.router.kind == "sigmoid_bias" && moe.router.capacity == 0 && config.attention.qkNorm == QkNorm::head &&
         config.attention.rope == RopeKind::half && !config.attention.inputBias && !config.attention.outputBias;
}

Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "dots1", "Dots1ForCausalLM");
  json["intermediate_size"] = config.denseWidth > 0 ? config.denseWidth : config.moe.expertWidth;
  json["moe_intermediate_size"] = config.moe.expertWidth;
  json["n_routed_experts"] = config.moe.experts;
  json["n_shared_experts"] = config.moe.sharedExperts;
  json["num_experts_per_tok"] = config.moe.topK;
  json["first_k_dense_replace"] = config.moe.denseLayers.size();
  writeGroups(config.moe, json);
  json["norm_topk_prob"] = renormalises(config.moe);
  json["routed_scaling_factor"] = config.moe.router.option("sigmoid_bias.scale", 1);
  json["scoring_func"] = "noaux_tc";
  json["attention_bias"] = false;
  json["sliding_window"] = slidingWindow(config);
  json["max_window_layers"] = config.layers;
  json["layer_types"] = layerTypes(config);
  return json;
}

bool slides(std::int64_t layer, ConfigReader& reader) {
  return reader.has("sliding_window") && layer >= reader.integer({"max_window_layers"}, 62);
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader);
  config.denseWidth = reader.integer({"intermediate_size"}, 0);
  config.attention.qkNorm = QkNorm::head;
  config.attention.inputBias = config.attention.outputBias = reader.flag("attention_bias", false);
  readExperts(reader, config.moe);
  config.moe.expertWidth = reader.integer({"moe_intermediate_size"});
  readShared(reader, config.moe);
  config.moe.denseLayers = readLeadingDense(reader, config.layers);
  config.moe.router.kind = "sigmoid_bias";
  config.moe.router.options["sigmoid_bias.scale"] = reader.real("routed_scaling_factor", 1);
  config.moe.router.options["sigmoid_bias.renormalise"] = reader.flag("norm_topk_prob", false);
  readGroups(reader, config.moe);
  readSpans(reader, reader.integer({"sliding_window"}, 0), slides, config);
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  return {};
}

}  // namespace

Family dots1Family() {
  return {"dots1", "Dots1ForCausalLM", matches, write, read, names};
}

}  // namespace moescope
