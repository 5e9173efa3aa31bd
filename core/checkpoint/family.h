// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/checkpoint/model_config.h"

namespace moescope {

// One tensor on disk and where it belongs: rows [firstRow, firstRow + shape[0]) of a parameter of the decoder
// ("layers.3.query"), or of one expert of a stacked one.
struct Slot {
  std::string name;                 // on disk
  std::vector<std::int64_t> shape;  // on disk
  std::string parameter;            // role in the decoder
  std::int64_t expert = -1;         // of a stacked parameter [E,...]; -1 for the others
  std::int64_t firstRow = 0;
};

// A family of checkpoints: a choice of switches with names of its own. Read and written through the same table.
struct Family {
  std::string modelType;                       // "mixtral"
  std::string architecture;                    // "MixtralForCausalLM"
  bool (*matches)(const ModelConfig& config);  // this family computes exactly what these switches say
  Json (*write)(const ModelConfig& config);    // config.json
  Expected<ModelConfig> (*read)(const Json& json, const std::string& file);
  std::vector<Slot> (*slots)(const ModelConfig& config);  // every tensor of such a model
  std::vector<std::string> aliases = {};                  // other model_types of the same, with the same names
};

// The explicit list; a new family is its file and one line in families.cpp.
std::span<const Family> families();

// The family of `transformers` that computes the same, else the last of the list, Moescope's own, which takes
// everything.
const Family& familyFor(const ModelConfig& config);
// By config.json's model_type. Input error for one that is not known here.
Expected<const Family*> findFamily(const Json& config, const std::string& file);
// The model_type under which a model of these switches is saved: "mixtral", "olmoe", ...; "moescope" for none of those.
std::string familyOf(const ModelConfig& config);

// The switches that a folder's config.json stands for; reads no weights. Input errors name the file and the key.
Expected<ModelConfig> readModelConfig(const std::filesystem::path& folder);

}  // namespace moescope
