// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/checkpoint/family.h"
#include "core/checkpoint/shards.h"
#include "core/model/decoder.h"

namespace moescope {

// Weights from a counter, the same as in tests/reference/models_oracle.py: [-1, 1) in steps of 2^-23, by the tensor's
// name on disk.
inline std::uint64_t mixed(std::uint64_t z) {  // splitmix64
  z += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

inline std::vector<double> uniform(const std::string& name, std::int64_t count) {
  std::uint64_t seed = 0xCBF29CE484222325u;
  for (unsigned char byte : name) seed = (seed ^ byte) * 0x100000001B3u;
  std::vector<double> values;
  for (std::int64_t i = 0; i < count; ++i)
    values.push_back(static_cast<double>(mixed(seed + static_cast<std::uint64_t>(i)) >> 40) / 0x1p23 - 1);
  return values;
}

inline std::vector<float> counterWeights(const std::string& name, const std::vector<std::int64_t>& shape) {
  const std::int64_t count = std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
  std::vector<float> weights;
  for (double value : uniform(name, count)) {
    if (name.ends_with("norm.weight") || (name.ends_with(".weight") && shape.size() == 1))
      value = 1 + 0.25 * value;
    else if (name.ends_with("bias"))
      value = 0.25 * value;
    else if (name.find("embed_tokens") == std::string::npos)
      value = value * (2 / std::sqrt(static_cast<double>(shape.back())));
    weights.push_back(static_cast<float>(value));
  }
  return weights;
}

// Gives every tensor of the decoder the weights that a file of its family would hold. Families that store one matrix
// a tensor only.
inline void fillFromCounter(Decoder& decoder) {
  const at::NoGradGuard guard;
  std::map<std::string, at::Tensor> tensors;
  for (const NamedTensor& tensor : decoder.parameters()) tensors[tensor.name] = tensor.value;
  for (const NamedTensor& tensor : decoder.buffers()) tensors[tensor.name] = tensor.value;
  for (const Slot& slot : familyFor(decoder.config()).slots(decoder.config())) {
    TORCH_INTERNAL_ASSERT(slot.experts == 0 && !slot.transposed && slot.storedRows == 0);
    const std::vector<float> weights = counterWeights(slot.name, slot.shape);
    at::Tensor given = at::empty(slot.shape, at::kFloat);
    std::copy(weights.begin(), weights.end(), given.mutable_data_ptr<float>());
    const at::Tensor& parameter = tensors.at(slot.parameter);
    (slot.expert < 0 ? parameter : parameter.select(0, slot.expert))
        .narrow(0, slot.firstRow, slot.shape.front())
        .copy_(given);
  }
}

inline at::Tensor idsOf(std::int64_t batch, std::int64_t length, std::int64_t vocabulary) {
  at::Tensor ids = at::empty({batch, length}, at::kLong);
  const std::vector<double> values = uniform("ids", ids.numel());
  for (std::int64_t i = 0; i < ids.numel(); ++i)
    ids.view(-1)[i] =
        static_cast<std::int64_t>((values[static_cast<std::size_t>(i)] + 1) / 2 * static_cast<double>(vocabulary));
  return ids;
}

// A small model in which every switch of the decoder can be turned.
inline ModelConfig tinyConfig() {
  ModelConfig config;
  config.vocabulary = 32;
  config.hidden = 16;
  config.layers = 2;
  config.length = 64;
  config.denseWidth = 20;
  config.attention.heads = 4;
  config.attention.keyHeads = 2;
  config.attention.headWidth = 4;
  config.moe.experts = 6;
  config.moe.topK = 2;
  config.moe.expertWidth = 10;
  return config;
}

}  // namespace moescope
