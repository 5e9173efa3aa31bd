// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/checkpoint/decoder_slots.h"

namespace moescope {

// A family of checkpoints: a choice of switches with names of its own. Read and written through the same table.
struct Family {
  std::string modelType;                       // "mixtral"
  std::string architecture;                    // "MixtralForCausalLM"
  bool (*matches)(const ModelConfig& config);  // this family computes exactly what these switches say
  Json (*write)(const ModelConfig& config);    // config.json
  Expected<ModelConfig> (*read)(const Json& json, const std::string& file);
  TensorNames (*names)(const ModelConfig& config);
  std::vector<std::string> aliases = {};  // other model_types of the same, with the same names

  // Every tensor of such a model; as they are stored in a folder, where one is given.
  std::vector<Slot> slots(const ModelConfig& config, const Shards* folder = nullptr) const;
};

// The explicit list; a new family is its file and one line in families.cpp.
std::span<const Family> families();

// The family of `transformers` that computes the same, else the last of the list, Moescope's own, which takes
// everything.
const Family& familyFor(const ModelConfig& config);
// The part of a config.json that speaks of the text model: of a model with other parts, too, what it says of text
// ("text_config" ...), else all of it.
Json textConfig(const Json& config);
// By the text model's model_type. Input error for one that is not known here, or known but not computed.
Expected<const Family*> findFamily(const Json& config, const std::string& file);
// The model_type under which a model of these switches is saved: "mixtral", "olmoe", ...; "moescope" for none of those.
std::string familyOf(const ModelConfig& config);

// The switches that a folder's config.json stands for; reads no weights. Input errors name the file and the key.
Expected<ModelConfig> readModelConfig(const std::filesystem::path& folder);

}  // namespace moescope
