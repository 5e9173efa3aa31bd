// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tensor_role.h"

#include <algorithm>
#include <charconv>
#include <vector>

namespace moescope {
namespace {

using Words = std::vector<std::string_view>;

Words split(std::string_view name) {
  Words words;
  for (std::size_t at = 0; at <= name.size();) {
    const std::size_t stop = std::min(name.find('.', at), name.size());
    words.push_back(name.substr(at, stop - at));
    at = stop + 1;
  }
  return words;
}

std::int32_t number(std::string_view word) {
  std::int32_t value = -1;
  const auto [stop, failure] = std::from_chars(word.data(), word.data() + word.size(), value);
  return failure == std::errc() && stop == word.data() + word.size() && value >= 0 ? value : -1;
}

bool isOneOf(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool anyHas(const Words& words, std::initializer_list<std::string_view> parts) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
    return std::any_of(parts.begin(), parts.end(), [&](std::string_view part) { return word.find(part) != word.npos; });
  });
}

bool anyIs(const Words& words, std::initializer_list<std::string_view> wanted) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return isOneOf(word, wanted); });
}

// "experts.7.", or "experts.expert_7." of Switch and NLLB.
std::int32_t expertIn(const Words& words) {
  for (std::size_t at = 0; at + 1 < words.size(); ++at) {
    if (!isOneOf(words[at], {"experts", "local_experts"})) continue;
    const std::string_view next = words[at + 1];
    return number(next.starts_with("expert_") ? next.substr(7) : next);
  }
  return -1;
}

// Of what lies in a block, by the words after its number.
Part partInBlock(const Words& words) {
  if (anyHas(words, {"router", "score_correction", "moe_statics", "expert_bias"})) return Part::router;
  if (anyIs(words, {"gate", "tid2eid"}) && !anyIs(words, {"experts"})) return Part::router;
  if (anyHas(words, {"shared_expert", "share_expert", "shared_mlp", "residual_mlp"})) return Part::shared;
  if (anyIs(words, {"experts", "local_experts"}) && !anyHas(words, {"attention"})) return Part::expert;
  if (anyIs(words, {"moe", "block_sparse_moe", "moe_block"}) && !anyHas(words, {"norm"})) return Part::expert;
  if (anyHas(words, {"norm", "ln_"})) return Part::norm;
  if (anyHas(words, {"attn", "attention", "mamba", "mixer", "conv", "temporal"})) return Part::attention;
  if (anyHas(words, {"mlp", "feed_forward", "ffn", "DenseReluDense"})) return Part::dense;
  if (anyHas(words, {"lm_head", "shared_head"})) return Part::head;
  return anyHas(words, {"embed"}) ? Part::embedding : Part::other;
}

Part partOutside(const Words& words) {
  if (anyHas(words, {"visual", "vision", "audio", "projector", "image"})) return Part::other;
  if (anyHas(words, {"lm_head", "unembed"}) || isOneOf(words.front(), {"output", "head"})) return Part::head;
  if (anyHas(words, {"norm", "ln_f"})) return Part::norm;
  return anyHas(words, {"embed", "wte", "shared"}) ? Part::embedding : Part::other;
}

}  // namespace

TensorRole roleByName(std::string_view name) {
  Words words = split(name);
  const bool foreign = anyHas(words, {"visual", "vision", "audio"});
  // Layers that predict further tokens are counted for themselves.
  if (anyIs(words, {"mtp"})) return {partInBlock(words), -1, expertIn(words)};
  for (std::size_t at = 0; at + 1 < words.size() && !foreign; ++at) {
    if (!isOneOf(words[at], {"layers", "blocks", "block", "h"}) || number(words[at + 1]) < 0) continue;
    const std::int32_t block = number(words[at + 1]);
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(at + 2));
    const Part part = partInBlock(words);
    return {part, block, part == Part::expert ? expertIn(words) : -1};
  }
  return {partOutside(words)};
}

TensorRole roleOfParameter(std::string_view parameter, std::int64_t expert) {
  TensorRole role{.expert = static_cast<std::int32_t>(expert)};
  if (parameter.starts_with("layers.")) {
    parameter.remove_prefix(7);
    const std::size_t dot = std::min(parameter.find('.'), parameter.size() - 1);
    role.block = number(parameter.substr(0, dot));
    parameter.remove_prefix(dot + 1);
  }
  role.part = parameter == "embedding"                           ? Part::embedding
              : parameter.starts_with("router")                  ? Part::router
              : parameter.starts_with("experts.")                ? Part::expert
              : parameter.starts_with("shared.")                 ? Part::shared
              : parameter.starts_with("dense.")                  ? Part::dense
              : parameter.find("norm") != std::string_view::npos ? Part::norm
              : parameter.starts_with("head")                    ? Part::head
                                                                 : Part::attention;
  return role;
}

}  // namespace moescope
