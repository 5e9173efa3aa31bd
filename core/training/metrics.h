// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/job.h"

namespace moescope {

// What one MoE layer did with the tokens of a step: sums, so that parts of a batch (accumulation) add up. fp64 and
// integers.
struct LayerTally {
  std::int64_t experts = 0, topK = 0;
  std::int64_t tokens = 0;
  std::vector<std::int64_t> chosen;  // [E] assignments before any drop
  std::int64_t dropped = 0;          // assignments that capacity dropped
  std::vector<double> probability;   // [E] sum over tokens of the router's probability
  double entropy = 0;                // sum over tokens of -sum p ln p, nats
  double squaredLogSumExp = 0;       // sum over tokens
  double largestLogit = 0;           // max |logit|
  void add(const LayerTally& other);
};

// Coefficient of variation of counts, population form (Shazeer et al. 2017).
double coefficientOfVariation(std::span<const std::int64_t> counts);
// What perfectly balanced independent routing of N tokens to k of E shows: sqrt((E - k) / (N k)).
double coefficientOfVariationFloor(std::int64_t experts, std::int64_t topK, std::int64_t tokens);
// max / mean - 1 (Wang et al. 2024).
double maximumViolation(std::span<const std::int64_t> counts);

// The balance loss (E/k) sum f P without its coefficient, whose balanced value is 1.
double balanceOf(const LayerTally& layer);

// The per-layer metrics of a step (shape [layer], `load` [layer, expert], padded with NaN where layers differ in
// experts):
//   load              chosen over the fair share tokens * k / E
//   cv, cv_floor, max_violation   of `chosen`
//   entropy           mean over tokens of H(p) / ln E
//   marginal_entropy  H(mean p) / ln E; the mutual information of token and expert is (marginal_entropy - entropy) ln E
//   dropped           share of assignments that capacity dropped
//   router_z          mean over tokens of (ln sum exp logits)^2
//   router_max        largest |logit|
std::vector<Metric> layerMetrics(std::span<const LayerTally> layers);

}  // namespace moescope
