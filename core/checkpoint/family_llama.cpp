// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>

#include "core/checkpoint/attention_config.h"
#include "core/checkpoint/families.h"

namespace moescope {
namespace {

bool matches(const ModelConfig& config) {
  return config.sparseLayers() == 0 && config.attention.qkNorm == QkNorm::none &&
         config.attention.rope == RopeKind::half && config.attention.inputBias == config.attention.outputBias;
}

Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "llama", "LlamaForCausalLM");
  json["intermediate_size"] = config.denseWidth;
  json["attention_bias"] = config.attention.inputBias;
  json["mlp_bias"] = false;
  json["pretraining_tp"] = 1;
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  ConfigReader reader(json, file);
  ModelConfig config = readCommon(reader);
  config.denseWidth = reader.integer({"intermediate_size"});
  config.attention.inputBias = config.attention.outputBias = reader.flag("attention_bias", false);
  if (reader.flag("mlp_bias", false)) reader.fail("\"mlp_bias\" is not computed by this version");
  readSpans(reader, 0, nullptr, config);
  return finished(reader, config, file);
}

TensorNames names(const ModelConfig&) {
  return {};
}

}  // namespace

Family llamaFamily() {
  return {"llama", "LlamaForCausalLM", matches, write, read, names};
}

}  // namespace moescope
