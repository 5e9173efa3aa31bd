// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "core/checkpoint/families.h"
#include "core/checkpoint/hugging_face.h"

namespace moescope {
namespace {

// What no family of `transformers` computes: config.json carries every switch under "moescope".
Json write(const ModelConfig& config) {
  Json json = commonConfig(config, "moescope", "MoescopeForCausalLM");
  json["num_experts"] = config.moe.experts;
  json["num_experts_per_tok"] = config.moe.topK;
  json["moescope"] = toJson(config);
  return json;
}

Expected<ModelConfig> read(const Json& json, const std::string& file) {
  if (!json.contains("moescope")) return inputError(fmt::format("{}: \"moescope\" is missing", file), file);
  return modelConfigFromJson(json["moescope"], file);
}

TensorNames names(const ModelConfig&) {
  return {};
}

}  // namespace

Family moescopeFamily() {
  return {"moescope", "MoescopeForCausalLM", [](const ModelConfig&) { return true; }, write, read, names};
}

}  // namespace moescope
