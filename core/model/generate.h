// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <span>

#include "core/model/decoder.h"

namespace moescope {

struct Sampling {
  std::int64_t tokens = 64;  // to add
  double temperature = 1;    // 0 = always the likeliest
  double top = 1;  // up to 1: the smallest set of tokens that holds this share; above: so many of the likeliest
  std::uint64_t seed = 0;
};

// A text with where each of its tokens was routed. Layers are MoE layers in order.
struct Generated {
  std::vector<std::int32_t> id;  // prompt and what was added
  std::size_t prompt = 0;
  std::int64_t layers = 0, k = 0;    // k: the most experts of any layer
  std::vector<std::int32_t> expert;  // [token, layer, k], by weight; -1 = no further expert
  std::vector<float> weight;         // [token, layer, k]
  std::vector<float> loss;           // [token] nats of the next token; NaN at the last
};

// One token after another; a context longer than the model's is cut at its start. The draw of a token is a pure
// function of the seed and its place. Usage error for an empty prompt; cancelled when `stopped` says so.
Expected<Generated> generate(Decoder& model, std::span<const std::int32_t> prompt, const Sampling& sampling,
                             const std::function<bool()>& stopped);

}  // namespace moescope
