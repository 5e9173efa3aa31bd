// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/safetensors.h"

namespace moescope {

// The tensors of a model's folder, over all of its safetensors files: model.safetensors.index.json, or the one file
// that is there.
class Shards {
 public:
  static Expected<Shards> open(const std::filesystem::path& folder);
  struct Place {
    const SafetensorsFile* file = nullptr;
    const StoredTensor* tensor = nullptr;
  };
  const std::map<std::string, Place, std::less<>>& tensors() const { return tensors_; }
  const Place* find(std::string_view name) const;
  const std::filesystem::path& folder() const { return folder_; }

 private:
  std::filesystem::path folder_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, Place, std::less<>> tensors_;
};

// Writes model-00001-of-0000N.safetensors, a new file after every `largest` bytes, and their index.
Expected<void> writeShards(const std::filesystem::path& folder, std::vector<TensorSource> tensors,
                           std::uint64_t largest = 5'000'000'000);

}  // namespace moescope
