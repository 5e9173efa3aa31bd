// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <list>

#include "core/checkpoint/model_config.h"

namespace moescope {

// Cosines and sines of the rotary angles, fp32 [S, d/2] each, d the dimensions of a head that turn.
struct RotaryTable {
  at::Tensor cosine, sine;
};

// For positions 0..length-1 of a sequence of that length, which matters to dynamic and longrope scaling only.
RotaryTable makeRotaryTable(std::int64_t length, const AttentionConfig& config, at::Device device);

// The tables of a model's layers, made when first asked for and grown with the longest sequence; layers with the same
// rotary switches share one. One thread at a time.
class RotaryTables {
 public:
  explicit RotaryTables(at::Device device) : device_(device) {}
  const RotaryTable& of(const AttentionConfig& attention, std::int64_t length);

 private:
  struct Entry {
    std::int64_t turned;
    double theta;
    RotaryScaling scaling;
    RotaryTable table;
  };
  at::Device device_;
  std::list<Entry> entries_;
  RotaryTable none_;
};

// Turns x [B,heads,S,width] by its position from 0; dimensions beyond those of the table stay as they are. Interleaved
// pairs come out as halves, in queries and keys alike, so that scores are those of the pairs.
at::Tensor rotate(const at::Tensor& x, const RotaryTable& table, RopeKind kind = RopeKind::half);

// What yarn multiplies scores of latent attention with: (0.1 mscale_all_dim ln factor + 1)^2 (DeepSeek-V2, released
// code).
double yarnScoreFactor(const RotaryScaling& scaling);

}  // namespace moescope
