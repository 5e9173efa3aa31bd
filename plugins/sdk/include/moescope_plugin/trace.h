// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "moescope_plugin/file.h"

namespace moescope_plugin {

// A routing trace (contract section 4): a folder of segments NNNN.h5 and counters.h5.
class Trace {
 public:
  struct Layer {
    std::int64_t block = 0;  // index in the model
    std::int64_t experts = 0, topK = 0;
  };
  // Tokens that follow each other; expert[l] is [token, k] with -1 for no further expert, ordered by weight.
  struct Block {
    std::vector<std::int32_t> id;
    std::vector<std::uint32_t> document, position;
    std::vector<std::uint16_t> domain;
    std::vector<std::uint8_t> tokenClass;  // 0 text, 1 padding, 2 BOS, 3 template, 4 image
    std::vector<std::vector<std::int32_t>> expert;
    std::vector<std::int64_t> columns;  // k of each layer's expert
  };

  explicit Trace(const std::string& folder) : folder_(folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      const std::string name = entry.path().stem().string();
      const bool digits = !name.empty() && name.find_first_not_of("0123456789") == std::string::npos;
      if (digits && entry.path().extension() == ".h5") segments_.push_back(entry.path().string());
    }
    std::sort(segments_.begin(), segments_.end());
    if (segments_.empty()) throw Failure("input", folder + " holds no segment of a trace", folder);
    const InputFile first(segments_.front());
    if (first.integer("/", "moescope_trace") != 1)
      throw Failure("input", segments_.front() + " is of another version of traces", segments_.front());
    for (std::int64_t layer = 0; layer < first.integer("/", "num_layers"); ++layer) {
      const std::string group = groupOf(static_cast<std::size_t>(layer));
      layers_.push_back(
          {first.integer(group, "block"), first.integer(group, "num_experts"), first.integer(group, "top_k")});
    }
    domains_ = first.texts("/domains");
  }

  const std::vector<Layer>& layers() const { return layers_; }
  const std::vector<std::string>& domains() const { return domains_; }
  // As Moescope labels an axis of layers: "3 (block 4)".
  std::vector<std::string> layerLabels() const {
    std::vector<std::string> labels;
    for (std::size_t layer = 0; layer < layers_.size(); ++layer)
      labels.push_back(std::to_string(layer) + " (block " + std::to_string(layers_[layer].block) + ")");
    return labels;
  }
  std::int64_t mostExperts() const {
    std::int64_t most = 0;
    for (const Layer& layer : layers_) most = std::max(most, layer.experts);
    return most;
  }

  // All tokens in order, at most `tokens` at a time.
  void forEach(const std::function<void(const Block&)>& take, std::uint64_t tokens = 1u << 16) const {
    for (const std::string& path : segments_) {
      const InputFile file(path);
      const auto extent = file.extent("/tokens/id");
      const std::uint64_t all = extent.empty() ? 0 : extent[0];
      for (std::uint64_t first = 0; first < all; first += tokens)
        take(read(file, first, std::min(tokens, all - first)));
    }
  }

  // A layer's dataset of counters.h5 ("count", "rank", "domain", ...) as whole numbers; nothing where there are no
  // counters.
  std::optional<std::vector<std::int64_t>> counter(std::size_t layer, const std::string& name) const {
    const std::string path = folder_ + "/counters.h5";
    if (!std::filesystem::exists(path)) return std::nullopt;
    const InputFile file(path);
    const std::string dataset = groupOf(layer) + "/" + name;
    if (!file.has(dataset)) return std::nullopt;
    return file.read<std::int64_t>(dataset);
  }

 private:
  static std::string groupOf(std::size_t layer) {
    return "/layers/" + std::string(layer < 10 ? "0" : "") + std::to_string(layer);
  }

  Block read(const InputFile& file, std::uint64_t first, std::uint64_t count) const {
    Block block;
    block.id = file.rows<std::int32_t>("/tokens/id", first, count);
    block.document = file.rows<std::uint32_t>("/tokens/document", first, count);
    block.position = file.rows<std::uint32_t>("/tokens/position", first, count);
    block.domain = file.rows<std::uint16_t>("/tokens/domain", first, count);
    block.tokenClass = file.rows<std::uint8_t>("/tokens/class", first, count);
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) {
      auto expert = file.rows<std::int32_t>(groupOf(layer) + "/expert", first, count);
      // All-ones of the stored type (one byte up to 255 experts, two above) means no further expert.
      const std::int32_t none = layers_[layer].experts <= 255 ? 0xFF : 0xFFFF;
      for (std::int32_t& one : expert) {
        if (one == none)
          one = -1;
        else if (one < 0 || one >= layers_[layer].experts)
          throw Failure(
              "input",
              "layer " + std::to_string(layer) + " of " + file.path() + " names an expert that it does not have",
              file.path());
      }
      block.columns.push_back(count == 0 ? 0 : static_cast<std::int64_t>(expert.size() / count));
      block.expert.push_back(std::move(expert));
    }
    return block;
  }

  std::string folder_;
  std::vector<std::string> segments_, domains_;
  std::vector<Layer> layers_;
};

}  // namespace moescope_plugin
