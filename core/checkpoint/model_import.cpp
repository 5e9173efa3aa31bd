// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/checkpoint/inventory.h"
#include "core/checkpoint/operations.h"

namespace moescope {

namespace {

Description describe() {
  return {.id = "model.import",
          .title = "Import a model",
          .help =
              "Takes up a checkpoint in Hugging Face layout (config.json and safetensors files) without copying it: "
              "the files stay "
              "where they are and are only read. Its headers are checked against config.json. Families: Mixtral, "
              "OLMoE, Qwen2-MoE, "
              "Qwen3-MoE, dots.llm1, Llama, and models made here.",
          .page = "Overview",
          .out = {{"model", Kind::model}},
          .parameters = {path("path", "folder of the checkpoint")},
          .interactive = true,
          .example = "moescope-cli run model.import --study S --set path=checkpoints/mixtral --name mixtral"};
}

Expected<std::filesystem::path> folderOf(const Parameters& set) {
  const std::filesystem::path folder = set.text("path");
  if (folder.empty()) return usageError("model.import needs path, the folder of a checkpoint");
  std::error_code failure;
  if (!std::filesystem::is_directory(folder, failure))
    return inputError(fmt::format("{} is not a folder: give the one that holds config.json and the safetensors files",
                                  folder.string()),
                      folder.string());
  return folder;
}

Expected<Cost> estimate(const Inputs&, const Parameters& set) {
  TRY(folder, folderOf(set));
  TRY(config, readModelConfig(folder));
  return Cost{.bytes = 0, .memory = 64u << 20, .seconds = 1};
}

Expected<Outputs> run(const Inputs&, const Parameters& set, Job& job) {
  TRY(folder, folderOf(set));
  job.progress(0, "reading headers");
  TRY(inventory, readInventory(folder));
  job.progress(0.5, "taking the digest");
  TRY(id, referencedModelDigest(inventory.shards));
  const ModelConfig& config = inventory.config;
  Output output{.port = "model", .kind = Kind::model};
  output.outside = folder;
  output.outsideId = std::move(id);
  output.summary = {{"family", inventory.family->modelType},
                    {"parameters", inventory.parameters},
                    {"active", inventory.active},
                    {"layers", config.layers},
                    {"experts", config.moe.experts},
                    {"top_k", config.moe.topK}};
  Outputs outputs;
  outputs.push_back(std::move(output));
  return outputs;
}

}  // namespace

const Operation modelImport{describe, estimate, run};

}  // namespace moescope
