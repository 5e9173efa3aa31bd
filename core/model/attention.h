// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <utility>

#include "core/checkpoint/model_config.h"

namespace moescope {

// x / sqrt(mean(x^2) + epsilon) * weight over the last dimension.
at::Tensor rmsNorm(const at::Tensor& x, const at::Tensor& weight, double epsilon);

// Cosines and sines of the rotary angles position * theta^(-2i/d), fp32 [S, d/2] each, d the head width.
struct RotaryTable {
  at::Tensor cosine, sine;
};
RotaryTable makeRotaryTable(std::int64_t length, std::int64_t headWidth, double theta, at::Device device);

// The tables of a model's layers, made when first asked for and grown with the longest sequence; layers with the same
// rotary switches share one. One thread at a time.
class RotaryTables {
 public:
  explicit RotaryTables(at::Device device) : device_(device) {}
  const RotaryTable& of(const AttentionConfig& attention, std::int64_t length);

 private:
  at::Device device_;
  std::map<std::pair<std::int64_t, double>, RotaryTable> byWidthAndTheta_;
};

// Turns x [B,heads,S,d] by its position from 0: dimension i together with i + d/2.
at::Tensor rotate(const at::Tensor& x, const RotaryTable& table);

// The tensors of one attention layer; those that its switches do not ask for are undefined.
struct AttentionWeights {
  at::Tensor query, key, value, output;  // [heads*d,H], [keyHeads*d,H] twice, [H,heads*d]
  at::Tensor queryBias, keyBias, valueBias, outputBias;
  at::Tensor queryNorm, keyNorm;  // [d] per head, or the whole projection's width
};

// Causal grouped-query attention over [B,S,H], positions from 0; no token sees padding on its right.
at::Tensor attend(const at::Tensor& x, const AttentionWeights& weights, const AttentionConfig& config,
                  double normEpsilon, const RotaryTable& rotary);

}  // namespace moescope
