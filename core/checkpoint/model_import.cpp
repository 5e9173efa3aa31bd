// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/checkpoint/contents.h"
#include "core/checkpoint/operations.h"
#include "core/checkpoint/unread_format.h"

namespace moescope {

namespace {

Description describe() {
  return {.id = "model.import",
          .title = "Import a model",
          .help =
              "Takes up a checkpoint in Hugging Face layout (config.json and safetensors files) without copying it: "
              "the files stay where they are and are only read. Its headers are checked against config.json; weights "
              "may be F32, F16, BF16, F64 or FP8 with block scales. A family that is not known is taken up where its "
              "tensors look like experts: what is in it can be looked at, but no routing captured. A model that was "
              "moved is imported again from its new place and stays the same model.",
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
  if (!std::filesystem::is_directory(folder, failure)) return notACheckpoint(folder);
  return folder;
}

Expected<Cost> estimate(const Inputs&, const Parameters& set) {
  TRY(folder, folderOf(set));
  return Cost{.bytes = 0, .memory = 64u << 20, .seconds = 1};
}

Expected<Outputs> run(const Inputs&, const Parameters& set, Job& job) {
  TRY(folder, folderOf(set));
  job.progress(0, "reading headers");
  TRY(contents, readContents(folder));
  for (const std::string& warning : contents.warnings) job.log("warning", warning);
  job.progress(0.5, "taking the digest");
  TRY(id, referencedModelDigest(contents.shards));
  Output output{.port = "model", .kind = Kind::model};
  output.outside = folder;
  output.outsideId = std::move(id);
  output.summary = {{"family", contents.type},
                    {"parameters", contents.parameters},
                    {"active", contents.active},
                    {"layers", contents.blocks},
                    {"experts", contents.experts},
                    {"top_k", contents.topK},
                    {"warnings", contents.warnings.size()}};
  if (!contents.notRun.empty()) output.summary["not_run"] = contents.notRun;
  Outputs outputs;
  outputs.push_back(std::move(output));
  return outputs;
}

}  // namespace

const Operation modelImport{describe, estimate, run};

}  // namespace moescope
