// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/families.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/checkpoint/checkpoint_folder.h"
#include "core/checkpoint/unrun_families.h"

namespace moescope {

std::span<const Family> families() {
  static const std::vector<Family> all{
      deepseekV2Family(), deepseekV3Family(),       gptOssFamily(),   llama4Family(),   phimoeFamily(),
      minimaxM2Family(),  mixtralFamily(),          olmoeFamily(),    flexOlmoFamily(), ernieFamily(),
      graniteMoeFamily(), graniteMoeSharedFamily(), hunyuanFamily(),  dbrxFamily(),     qwen2Family(),
      qwen3Family(),      qwen3MoeFamily(),         qwen2MoeFamily(), dots1Family(),    glm4MoeFamily(),
      llamaFamily(),
      moescopeFamily(),  // last: it takes what the others do not
  };
  return all;
}

std::vector<Slot> Family::slots(const ModelConfig& config, const Shards* folder) const {
  const TensorNames own = names(config);
  return decoderSlots(config, own, folder ? StoredNames(*folder, own) : StoredNames());
}

namespace {

// The switches that a family has no part in choosing unless it says so: all but what its own `matches` looks at.
Json shared(const ModelConfig& config) {
  const Json json = toJson(config);
  Json kept = {
      {"experts", config.moe.expertBias}, {"input", config.moe.weightInput}, {"router", config.moe.router.bias}};
  const RouterConfig& router = config.moe.router;
  kept["scale"] = router.option(router.kind + ".scale", 1);
  kept["groups"] = router.option(router.kind + ".groups", 1);
  if (kept["groups"] != 1) kept["kept_groups"] = router.option(router.kind + ".kept_groups", 1);
  // Layer by layer, for two readings may differ in which of them they take for the rule.
  ModelConfig layer = config;
  layer.otherAttention.clear();
  for (std::int64_t index = 0; index < std::min<std::int64_t>(config.layers, 4096); ++index) {
    layer.attention = config.attentionOf(index);
    kept["attention"].push_back(toJson(layer)["attention"]);
  }
  for (const char* key : {"activation", "block", "norm", "norm_bias", "tied_head", "head_bias", "embedding_factor",
                          "residual_factor", "logit_divisor"})
    kept[key] = json[key];
  return kept;
}

// Whether the family's config.json, read again, gives these switches back.
bool keeps(const Family& family, const ModelConfig& config) {
  const Expected<ModelConfig> again = family.read(family.write(config), "config.json");
  return again && shared(*again) == shared(config);
}

}  // namespace

const Family& familyFor(const ModelConfig& config) {
  for (const Family& family : families())
    if (family.matches(config) && keeps(family, config)) return family;
  return families().back();
}

std::string familyOf(const ModelConfig& config) {
  return familyFor(config).modelType;
}

Json textConfig(const Json& config) {
  if (!config.is_object()) return config;
  const Json* outer = &config;
  if (config.contains("thinker_config") && config["thinker_config"].is_object()) outer = &config["thinker_config"];
  for (const char* key : {"text_config", "language_config", "llm_config"}) {
    if (!outer->contains(key) || !(*outer)[key].is_object()) continue;
    Json text = (*outer)[key];
    // What the whole model says where its part is silent.
    for (const char* shared : {"model_type", "tie_word_embeddings", "quantization_config"})
      if (!text.contains(shared) && outer->contains(shared)) text[shared] = (*outer)[shared];
    return text;
  }
  return config;
}

Expected<const Family*> findFamily(const Json& whole, const std::string& file) {
  const Json config = textConfig(whole);
  if (!config.is_object() || !config.contains("model_type") || !config["model_type"].is_string())
    return inputError(fmt::format("{} names no model_type", file), file);
  const std::string& type = config["model_type"].get_ref<const std::string&>();
  std::string known;
  for (const Family& family : families()) {
    if (family.modelType == type || std::ranges::count(family.aliases, type) > 0) return &family;
    known += (known.empty() ? "" : ", ") + family.modelType;
  }
  if (findUnrunFamily(type)) return inputError(fmt::format("{}: {}", file, whyNotRun(type)), file);
  return inputError(
      fmt::format("{}: Routing is not available for models of type \"{}\": this version does not know how they are "
                  "computed; it knows {}",
                  file, type, known),
      file);
}

Expected<ModelConfig> readModelConfig(const std::filesystem::path& folder) {
  const std::string file = (folder / "config.json").string();
  TRY(files, CheckpointFolder::open(folder));
  TRY(json, files.json("config.json", 16u << 20));
  TRY(family, findFamily(json, file));
  return family->read(textConfig(json), file);
}

}  // namespace moescope
