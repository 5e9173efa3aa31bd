// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include "core/model/norm.h"
#include "core/model/rotary.h"

namespace moescope {

// The tensors of one attention layer; those that its switches do not ask for are undefined. d is the head width, in
// latent attention with parts d = plain + rotary.
struct AttentionWeights {
  at::Tensor query, key, value, output;  // [heads*d,H], [keyHeads*d,H] twice, [H,heads*d]
  at::Tensor queryBias, keyBias, valueBias, outputBias;
  at::Tensor queryNorm, keyNorm;  // [d] per head, or the whole projection's width
  at::Tensor sinks;               // [heads]
  // Latent: queries of rank q (query is then [heads*d,q]); the vector that keys and values share, of rank r.
  at::Tensor queryDown, queryDownBias, queryDownNorm;  // [q,H], [q], [q]
  at::Tensor sharedDown, sharedDownBias, sharedNorm;   // [r + rotary,H], [r + rotary], [r]
  at::Tensor sharedUp;                                 // [heads*(plain + value),r]
};

// Causal attention over [B,S,H], positions from 0; no token sees padding on its right. `rotary` covers S positions.
at::Tensor attend(const at::Tensor& x, const AttentionWeights& weights, const AttentionConfig& config,
                  double normEpsilon, const RotaryTable& rotary);

}  // namespace moescope
