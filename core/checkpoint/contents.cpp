// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/contents.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "core/base/utf8.h"
#include "core/checkpoint/block_scales.h"
#include "core/checkpoint/unread_format.h"
#include "core/checkpoint/unrun_families.h"
#include "core/checkpoint/unused_tensor.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t longestConfig = 16u << 20;

std::string textIn(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? validUtf8(found->get<std::string>().substr(0, 128)) : "";
}

std::int64_t sizeIn(const Json& json, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    const auto found = json.find(key);
    if (found != json.end() && found->is_number_unsigned() && found->get<std::uint64_t>() <= 1u << 24)
      return found->get<std::int64_t>();
  }
  return 0;
}

std::int32_t reasonIndex(Contents& contents, std::string reason) {
  const auto index = std::ranges::find(contents.reasons, reason) - contents.reasons.begin();
  if (index == std::ssize(contents.reasons)) contents.reasons.push_back(std::move(reason));
  return static_cast<std::int32_t>(index);
}

// Roles by the places that a known family gives its tensors, and reasons for those without one.
void placeKnown(Contents& contents, const Inventory& inventory) {
  std::vector<const Slot*> places;
  for (const Slot& slot : inventory.slots) places.push_back(&slot);
  std::sort(places.begin(), places.end(), [](const Slot* a, const Slot* b) { return a->name < b->name; });
  auto place = places.begin();
  contents.rows.reserve(contents.shards.tensors().size());
  for (const auto& [name, stored] : contents.shards.tensors()) {
    while (place != places.end() && (*place)->name < name) ++place;
    const bool placed = place != places.end() && (*place)->name == name;
    Contents::Row row{placed ? roleOfParameter((*place)->parameter, (*place)->expert) : roleByName(name)};
    if (!placed && !isScale(name)) row.unused = reasonIndex(contents, unusedReason(name, inventory.config));
    contents.rows.push_back(row);
  }
  contents.config = inventory.config;
  contents.blocks = inventory.config.layers;
  contents.hidden = inventory.config.hidden;
  contents.experts = inventory.config.moe.experts;
  contents.topK = inventory.config.moe.topK;
  contents.parameters = inventory.parameters;
  contents.active = inventory.active;
}

// Roles by names alone. A tensor of all experts has them as its first extent.
void placeUnknown(Contents& contents, const Json& json) {
  std::int64_t routed = 0;
  contents.rows.reserve(contents.shards.tensors().size());
  for (const auto& [name, place] : contents.shards.tensors()) {
    const TensorRole role = roleByName(name);
    const Shape shape = place.tensor->shape;
    const std::int64_t held = role.expert >= 0 ? role.expert + std::int64_t{1} : shape.size() == 3 ? shape[0] : 0;
    if (role.part == Part::expert) contents.experts = std::max(contents.experts, held);
    contents.blocks = std::max(contents.blocks, role.block + std::int64_t{1});
    contents.parameters += parametersOf(*place.tensor);
    if (role.part == Part::expert) routed += parametersOf(*place.tensor);
    contents.rows.push_back({role});
  }
  const Json text = textConfig(json);
  contents.hidden = sizeIn(text, {"hidden_size", "d_model", "n_embd"});
  contents.topK = sizeIn(text, {"num_experts_per_tok", "num_experts_per_token", "moe_topk", "moe_top_k", "moe_k",
                                "top_k_experts", "experts_per_token"});
  const std::int64_t met = std::min(contents.topK, contents.experts);
  contents.active = contents.parameters - (met > 0 ? routed - routed / contents.experts * met : 0);
}

void warnOfUnused(Contents& contents) {
  for (std::size_t reason = 0; reason < contents.reasons.size(); ++reason) {
    const auto count = std::ranges::count(contents.rows, static_cast<std::int32_t>(reason), &Contents::Row::unused);
    contents.warnings.push_back(
        fmt::format("{} {} not used: {}.", count, count == 1 ? "tensor is" : "tensors are", contents.reasons[reason]));
  }
}

void warnOfCompanions(Contents& contents, const CheckpointFolder& folder) {
  if (!folder.has("tokenizer.json"))
    contents.warnings.push_back(
        folder.has("tokenizer.model") || folder.has("tiktoken.model")
            ? "There is no tokenizer.json, only another kind of tokenizer: corpora of ids can be used, texts cannot."
            : "There is no tokenizer.json: corpora of ids can be used, texts cannot.");
}

Expected<void> readUnknown(Contents& contents, const CheckpointFolder& folder, const Json& json,
                           const ScaleBlocks& blocks, const Error& why) {
  TRY_ASSIGN(contents.shards, Shards::open(folder.path()));
  if (blocks.rows > 0) TRY_DO(contents.shards.useScales(blocks));
  placeUnknown(contents, json);
  if (contents.type.empty() || (contents.experts == 0 && !findUnrunFamily(contents.type))) return why;
  contents.notRun = whyNotRun(contents.type);
  contents.warnings.push_back(contents.notRun);
  return {};
}

}  // namespace

Expected<std::string> changedSinceImport(const Artifact& model, const Shards& shards) {
  if (model.operation != "model.import") return std::string();
  TRY(now, referencedModelDigest(shards));
  if (now == model.id) return std::string();
  return fmt::format(
      "The files of {} in {} have changed since it was imported: what was computed from it earlier may not "
      "hold any more. Import it again.",
      model.title(), model.path.string());
}

std::int64_t parametersOf(const StoredTensor& tensor) {
  if (isScale(tensor.name)) return 0;
  return std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::int64_t{1}, std::multiplies<>());
}

Expected<Contents> readContents(const fs::path& path) {
  std::error_code failure;
  if (!fs::exists(path, failure))
    return inputError(fmt::format("{} is not there: if the model was moved, import it again from where it is now (it "
                                  "stays the same model)",
                                  path.string()),
                      path.string());
  if (!fs::exists(path / "config.json", failure)) return notACheckpoint(path);
  TRY(folder, CheckpointFolder::open(path));
  TRY(json, folder.json("config.json", longestConfig));
  TRY(blocks, refuseUnread(folder, json));
  Contents contents;
  contents.type = textIn(textConfig(json), "model_type");
  if (contents.type.empty()) contents.type = textIn(json, "model_type");
  if (json.contains("architectures") && json["architectures"].is_array() && !json["architectures"].empty() &&
      json["architectures"][0].is_string())
    contents.architecture = validUtf8(json["architectures"][0].get<std::string>().substr(0, 128));
  const auto family = findFamily(json, (path / "config.json").string());
  if (family) {
    TRY(inventory, readInventory(path));
    contents.type = inventory.family->modelType;
    contents.shards = std::move(inventory.shards);
    placeKnown(contents, inventory);
  } else {
    TRY_DO(readUnknown(contents, folder, json, blocks, family.error()));
  }
  const std::span<const std::string> ofShards = contents.shards.warnings();
  contents.warnings.insert(contents.warnings.begin(), ofShards.begin(), ofShards.end());
  warnOfUnused(contents);
  warnOfCompanions(contents, folder);
  return contents;
}

}  // namespace moescope
