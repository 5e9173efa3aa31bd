// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/block_scales.h"
#include "core/checkpoint/checkpoint_folder.h"
#include "core/checkpoint/safetensors.h"

namespace moescope {

// The tensors of a model's folder, over all of its safetensors files: model.safetensors, else those that
// model.safetensors.index.json names, else every *.safetensors file. The size of every file is checked against its
// header before anything is shown. Reads headers only.
class Shards {
 public:
  static Expected<Shards> open(const std::filesystem::path& folder);
  struct Scales;
  struct Place {
    const SafetensorsFile* file = nullptr;
    const StoredTensor* tensor = nullptr;
    const Scales* scales = nullptr;  // of an FP8 weight, once useScales found them
  };
  // The block scales of one weight: a stored tensor [..., ceil(rows / blocks.rows), ceil(columns / blocks.columns)].
  struct Scales {
    Place place;
    ScaleBlocks blocks;
  };
  struct Named {
    std::string_view name;
    Place place;
  };
  std::span<const Named> tensors() const { return tensors_; }  // by name
  const Place* find(std::string_view name) const;
  // Gives every FP8 weight its scales, "NAME_scale_inv" beside "NAME". Input errors name a scale without its weight, or
  // whose shape or type does not fit.
  Expected<void> useScales(const ScaleBlocks& blocks);
  std::span<const std::unique_ptr<SafetensorsFile>> files() const { return files_; }  // by name
  const std::filesystem::path& folder() const { return folder_; }
  std::uint64_t bytes() const { return bytes_; }  // of all tensors
  // What was accepted although it is not as it should be, in whole sentences: a missing index, a false total_size.
  std::span<const std::string> warnings() const { return warnings_; }

 private:
  friend class ShardsReader;
  std::filesystem::path folder_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<Named> tensors_;
  std::vector<std::unique_ptr<Scales>> scales_;
  std::uint64_t bytes_ = 0;
  std::vector<std::string> warnings_;
};

// Writes model-00001-of-0000N.safetensors, a new file after every `largest` bytes, and their index.
Expected<void> writeShards(const std::filesystem::path& folder, std::vector<TensorSource> tensors,
                           std::uint64_t largest = 5'000'000'000);

}  // namespace moescope
