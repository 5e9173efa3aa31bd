// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>
#include <optional>

#include "core/checkpoint/inventory.h"
#include "core/checkpoint/tensor_role.h"
#include "core/study/artifact.h"

namespace moescope {

// What lies in a model's folder, whether this version can run it or not: every tensor with its role, how many
// parameters there are, and what is not as it should be. Reads headers only.
struct Contents {
  struct Row {
    TensorRole role;
    std::int32_t unused = -1;  // index into `reasons`, why a forward does not read it; -1 for what it reads
  };
  std::string type, architecture;                              // of config.json: "qwen3_moe", "Qwen3MoeForCausalLM"
  std::optional<ModelConfig> config;                           // where this version can run the model
  std::string notRun;                                          // else why not, a sentence
  std::int64_t blocks = 0, experts = 0, topK = 0, hidden = 0;  // as the files and config.json have them; 0 = not known
  Shards shards;
  std::vector<Row> rows;  // of shards.tensors(), in that order
  std::vector<std::string> reasons;
  std::int64_t parameters = 0;  // of what has a place in the model
  std::int64_t active = 0;      // those that one token meets: k of E experts, embedding and head in full
  std::vector<std::string> warnings;
};

// Input errors: a folder that is no checkpoint or in a form that is not read, a damaged file, a tensor of a known
// family that is missing or misshapen. A family that is not known is accepted where its tensors look like experts.
Expected<Contents> readContents(const std::filesystem::path& folder);

// What to say where a model that stays where it is differs from what was imported; empty where it does not, and for
// models of the study itself.
Expected<std::string> changedSinceImport(const Artifact& model, const Shards& shards);

// Numbers in a stored tensor; 0 for the scales of a quantised one, which are no parameters.
std::int64_t parametersOf(const StoredTensor& tensor);

}  // namespace moescope
