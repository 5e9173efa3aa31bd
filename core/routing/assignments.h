// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace moescope {

// Where the tokens of one routing call go. T tokens, E experts, k choices a token; a token's choices are ordered by
// weight before any drop, ties by expert. Nothing downstream asks which router made it.
struct Assignments {
  at::Tensor expert;                         // int64 [T,k]
  at::Tensor weight;                         // fp32 [T,k], differentiable; 0 where not kept
  at::Tensor kept;                           // bool [T,k]: within capacity, and not padding
  at::Tensor logits;                         // fp32 [T,E], raw
  at::Tensor probability;                    // fp32 [T,E], sums to 1 over the experts
  at::Tensor count;                          // int64 [E], choices before any drop, padding left out
  std::map<std::string, at::Tensor> losses;  // scalars, already multiplied by their coefficient, differentiable
  // Kept assignments sorted by expert, then by token: `order` holds t * k + j (int64 [N]); expert e owns
  // offsets[e]..offsets[e+1].
  at::Tensor order;
  std::vector<std::int64_t> offsets;
};

// Fills order and offsets from expert and kept.
void sortByExpert(Assignments& assignments, std::int64_t experts);

}  // namespace moescope
