// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include "core/checkpoint/family.h"
#include "core/checkpoint/shards.h"

namespace moescope {

// A model's folder whose files were checked against its config.json: every tensor that the switches ask for is there,
// in its shape and a real type (FP8 with its scales), and no tensor of a layer that is run is left over. Reads headers
// only, and takes no memory on the word of config.json.
struct Inventory {
  const Family* family = nullptr;
  Json json;  // config.json
  ModelConfig config;
  std::vector<Slot> slots;
  Shards shards;
  std::int64_t parameters = 0;  // all that have a place
  std::int64_t active = 0;      // those that one token meets: k of E experts, embedding and head in full
};

// Input errors name the file, the tensor and what differs.
Expected<Inventory> readInventory(const std::filesystem::path& folder);

// The id of a model that stays where it is: SHA-256 over its config, index and tokenizer files, and per shard its name,
// size, time of change, header, and 64 KiB at the start, the middle and the end of its data. Takes milliseconds for a
// terabyte.
Expected<std::string> referencedModelDigest(const Shards& shards);
Expected<std::string> referencedModelDigest(const std::filesystem::path& folder);

}  // namespace moescope
