// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/families.h"

#include <fmt/core.h>

#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"

namespace moescope {

std::span<const Family> families() {
  static const std::vector<Family> all{
      mixtralFamily(),  olmoeFamily(), qwen3MoeFamily(), qwen2MoeFamily(), dots1Family(), llamaFamily(),
      moescopeFamily(),  // last: it takes what the others do not
  };
  return all;
}

const Family& familyFor(const ModelConfig& config) {
  for (const Family& family : families())
    if (family.matches(config)) return family;
  return families().back();
}

std::string familyOf(const ModelConfig& config) { return familyFor(config).modelType; }

Expected<const Family*> findFamily(const Json& config, const std::string& file) {
  if (!config.is_object() || !config.contains("model_type") || !config["model_type"].is_string())
    return inputError(fmt::format("{} names no model_type", file), file);
  const std::string& type = config["model_type"].get_ref<const std::string&>();
  std::string known;
  for (const Family& family : families()) {
    if (family.modelType == type) return &family;
    known += (known.empty() ? "" : ", ") + family.modelType;
  }
  return inputError(
      fmt::format("{}: models of type \"{}\" are not read by this version; it knows {}", file, type, known), file);
}

Expected<ModelConfig> readModelConfig(const std::filesystem::path& folder) {
  const std::string file = (folder / "config.json").string();
  TRY(json, readJson(folder / "config.json", 16u << 20));
  TRY(family, findFamily(json, file));
  return family->read(json, file);
}

}  // namespace moescope
