// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/unused_tensor.h"

#include <fmt/core.h>

#include "core/checkpoint/tensor_role.h"

namespace moescope {
namespace {

bool isFrequencies(std::string_view name) {
  return name.ends_with("rotary_emb.inv_freq") || name.ends_with("rotary_emb.cos_cached") ||
         name.ends_with("rotary_emb.sin_cached");
}

}  // namespace

std::string unusedReason(std::string_view name, const ModelConfig& config) {
  const TensorRole role = roleByName(name);
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (isFrequencies(name)) return "rotary frequencies are computed from config.json";
  if (config.tiedHead && role.part == Part::head && role.block < 0) return "the embedding is the head as well";
  if (has("visual") || has("vision") || has("audio") || has("projector"))
    return "they belong to images or sound, which text does not need";
  if (name.starts_with("mtp.") || has(".mtp.") || has("nextn"))
    return "they predict further tokens, which a forward does not need";
  if (role.block >= config.layers)
    return fmt::format(
        "they lie in layer {}, but config.json has {} layers: they predict further tokens, which a "
        "forward does not need",
        role.block, config.layers);
  return "they have no place in the model that config.json describes";
}

bool changesForward(std::string_view name, const ModelConfig& config) {
  const TensorRole role = roleByName(name);
  return role.block >= 0 && role.block < config.layers && !isFrequencies(name) && !name.ends_with("_scale_inv");
}

}  // namespace moescope
