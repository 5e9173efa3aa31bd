// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/checkpoint/checkpoint_folder.h"

namespace moescope {

inline constexpr const char* shardIndexName = "model.safetensors.index.json";

// model.safetensors.index.json: which tensor lies in which file.
struct ShardIndex {
  struct Entry {
    std::string_view tensor;
    std::uint32_t file = 0;  // index into files
  };
  std::vector<std::string> files;   // plain names, sorted
  std::vector<Entry> tensors;       // by name, none twice
  std::optional<double> totalSize;  // metadata.total_size: often wrong, so a piece of information only
  std::unique_ptr<char[]> text;     // the names point into it

  // Input errors name the file and the offset.
  static Expected<ShardIndex> read(const CheckpointFolder& folder);
};

}  // namespace moescope
