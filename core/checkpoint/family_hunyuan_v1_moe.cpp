// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "core/checkpoint/families.h"
#include "core/checkpoint/hugging_face.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  const MoeConfig& moe = config.moe;
  return moe.experts > 0 && moe.denseLayers.empty() && moe.sharedExperts == 1 && !moe.sharedGate &&
         moe.sharedWidth == moe.expertWidth && moe.router.kind == "softmax" && moe.router.capacity == 0 &&
         moe.router.option("softmax.power", 1) == 1 && config.attention.qkNorm == QkNorm::turned &&
         config.attention.rope == RopeKind::half && config.attention.inputBias == config.attention.outputBias;
}

Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "hunyuan_v1_moe", "HunYuanMoEV1ForCausalLM");
  json["intermediate_size"] = config.moe.expertWidth;
  json["num_experts"] = config.moe.experts;
  json["moe_topk"] = config.moe.topK;
  json["num_shared_expert"] = config.moe.sharedExperts;
  json["moe_intermediate_size"] = config.moe.expertWidth;
  json["use_qk_norm"] = true;
  json["use_mixed_mlp_moe"] = true;
  json["attention_bias"] = config.attention.inputBias;
  json["output_router_logits"] = false;
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  // Some numbers are lists by layer in the releases, of one value for all.
  Json even = json;
  for (const char* key : {"moe_topk", "num_shared_expert", "moe_intermediate_size", "num_experts"}) {
    if (!even.contains(key) || !even[key].is_array()) continue;
    const Json list = even[key];
    for (const Json& value : list)
      if (value != list.front())
        return inputError(
            fmt::format("{}: \"{}\" differs from layer to layer, which this version does not compute", file, key),
            file);
    even[key] = list.empty() ? Json() : list.front();
  }
  ConfigReader reader(even, file);
  ModelConfig config = readCommon(reader);
  config.attention.qkNorm = QkNorm::turned;
  if (!reader.flag("use_qk_norm", true)) reader.fail("\"use_qk_norm\" is false, which this family does not know");
  if (reader.flag("use_cla", false))
    reader.fail("\"use_cla\": keys shared between layers are not computed by this version");
  config.attention.inputBias = config.attention.outputBias = reader.flag("attention_bias", false);
  readExperts(reader, config.moe);
  config.moe.expertWidth = reader.integer({"moe_intermediate_size", "intermediate_size"});
  config.moe.sharedExperts = reader.integer({"num_shared_expert"}, 1);
  if (config.moe.sharedExperts != 1) reader.fail("\"num_shared_expert\" is not 1, and this family knows no other");
  config.moe.sharedWidth = config.moe.expertWidth;
  config.moe.router.kind = "softmax";
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  TensorNames names;
  names.router = "mlp.gate.wg.weight";
  names.shared = "mlp.shared_mlp";
  names.queryNorm = "query_layernorm";
  names.keyNorm = "key_layernorm";
  return names;
}

}  // namespace

Family hunyuanFamily() {
  return {"hunyuan_v1_moe", "HunYuanMoEV1ForCausalLM", matches, write, read, names};
}

}  // namespace moescope
