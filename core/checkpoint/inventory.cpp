// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/inventory.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "core/base/checked.h"
#include "core/base/digest.h"
#include "core/checkpoint/tensor_values.h"
#include "core/checkpoint/unread_format.h"
#include "core/checkpoint/unused_tensor.h"

namespace moescope {
namespace {

Expected<void> checkTensor(const Shards& shards, const Slot& slot, const std::string& family) {
  const std::string folder = shards.folder().string();
  const Shards::Place* place = shards.find(slot.name);
  if (!place)
    return inputError(fmt::format("{} lacks the tensor \"{}\" of a {} model", folder, slot.name, family), folder);
  const std::string file = place->file->path().string();
  if (!std::ranges::equal(place->tensor->shape, slot.shape))
    return inputError(fmt::format("{}: tensor \"{}\" has shape [{}], but config.json asks for [{}]", file, slot.name,
                                  fmt::join(place->tensor->shape, ", "), fmt::join(slot.shape, ", ")),
                      file, place->tensor->offset);
  const Dtype& dtype = *place->tensor->dtype;
  if (!isReal(dtype))
    return inputError(
        fmt::format("{}: tensor \"{}\" is of type {}; F32, BF16, F16, F64 and F8_E4M3 with block scales are "
                    "read",
                    file, slot.name, dtype.name),
        file, place->tensor->offset);
  if (dtype.bits == 8 && !place->scales)
    return inputError(fmt::format("{}: tensor \"{}\" is of type {} but has no scales, \"{}_scale_inv\", beside it",
                                  file, slot.name, dtype.name, slot.name),
                      file, place->tensor->offset);
  return {};
}

Expected<void> checkTensors(Inventory& inventory) {
  const MoeConfig& moe = inventory.config.moe;
  std::set<std::string_view> wanted;
  for (const Slot& slot : inventory.slots) {
    TRY_DO(checkTensor(inventory.shards, slot, inventory.family->modelType));
    wanted.insert(slot.name);
    inventory.parameters += slot.size() * std::max<std::int64_t>(slot.experts, 1);
    // Of the experts, as many as a token meets.
    if (slot.expert < moe.topK)
      inventory.active += slot.size() * std::max<std::int64_t>(std::min(slot.experts, moe.topK), 1);
  }
  for (const auto& [name, place] : inventory.shards.tensors()) {
    if (!wanted.contains(name) && changesForward(name, inventory.config))
      return inputError(fmt::format("{}: tensor \"{}\" has no place in the {} model that config.json describes",
                                    inventory.shards.folder().string(), name, inventory.family->modelType),
                        place.file->path().string(), place.tensor->offset);
  }
  return {};
}

Expected<void> addPiece(Digest& digest, const InputFile& file, std::uint64_t offset, std::uint64_t bytes) {
  constexpr std::uint64_t block = 1 << 20;
  const std::uint64_t end = std::min(file.size(), offset + bytes);
  std::vector<std::byte> piece(std::min(block, end - std::min(offset, end)));
  for (std::uint64_t at = offset; at < end; at += block) {
    const auto here = std::span(piece).first(std::min(block, end - at));
    TRY_DO(file.read(at, here));
    digest.update(here);
  }
  return {};
}

Expected<void> addShard(Digest& digest, const SafetensorsFile& shard) {
  constexpr std::uint64_t piece = 64 << 10;
  const InputFile& file = shard.file();
  TRY(changed, file.changed());
  digest.update(fmt::format("{} {} {}\n", file.path().filename().string(), file.size(), changed));
  const std::uint64_t start = shard.dataStart(), data = file.size() - start;
  TRY_DO(addPiece(digest, file, 0, start));
  TRY_DO(addPiece(digest, file, start, piece));
  TRY_DO(addPiece(digest, file, start + data / 2, piece));
  TRY_DO(addPiece(digest, file, file.size() - std::min(data, piece), piece));
  return {};
}

}  // namespace

Expected<Inventory> readInventory(const std::filesystem::path& folder) {
  const std::string file = (folder / "config.json").string();
  Inventory inventory;
  TRY(files, CheckpointFolder::open(folder));
  TRY_ASSIGN(inventory.json, files.json("config.json", 16u << 20));
  TRY_ASSIGN(inventory.family, findFamily(inventory.json, file));
  TRY_ASSIGN(inventory.config, inventory.family->read(textConfig(inventory.json), file));
  TRY(blocks, refuseUnread(files, inventory.json));
  TRY_ASSIGN(inventory.shards, Shards::open(folder));
  TRY_DO(inventory.shards.useScales(blocks));
  inventory.slots = inventory.family->slots(inventory.config, &inventory.shards);
  TRY_DO(checkTensors(inventory));
  return inventory;
}

Expected<std::string> referencedModelDigest(const std::filesystem::path& folder) {
  TRY(shards, Shards::open(folder));
  return referencedModelDigest(shards);
}

Expected<std::string> referencedModelDigest(const Shards& shards) {
  constexpr std::array<const char*, 12> small{"config.json",
                                              "generation_config.json",
                                              "model.safetensors.index.json",
                                              "tokenizer.json",
                                              "tokenizer_config.json",
                                              "special_tokens_map.json",
                                              "added_tokens.json",
                                              "vocab.json",
                                              "merges.txt",
                                              "vocab.txt",
                                              "tokenizer.model",
                                              "chat_template.jinja"};
  TRY(folder, CheckpointFolder::open(shards.folder()));
  Digest digest;
  for (const char* name : small) {
    if (!folder.has(name)) continue;
    TRY(real, folder.find(name));
    TRY(hash, sha256OfFile(real));
    digest.update(fmt::format("{} {}\n", name, hash));
  }
  for (const auto& file : shards.files()) TRY_DO(addShard(digest, *file));
  return digest.hex();
}

}  // namespace moescope
