// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

#include "core/analysis/token_chunks.h"
#include "core/statistics/histogram.h"

namespace moescope {

// The losses that routers are trained with, of one layer of a trace with logits. f: share of the assignments, P: mean
// router probability, both sum to 1 over the experts. Tokens whose logits are not finite are left out and counted.
struct RouterLosses {
  double balance = 0;                               // E sum f P over the whole trace (Fedus et al. 2022); 1 is balanced
  double balanceBatch = 0;                          // the same of every batch, averaged
  double z = 0;                                     // mean of (ln sum exp z)^2 (Zoph et al. 2022)
  Interval balanceInterval{0, 0}, zInterval{0, 0};  // over resampled documents; NaN without draws
  GrowingHistogram logSumExp = GrowingHistogram();  // of ln sum exp z
  std::vector<double> frequency = {}, probability = {};  // f and P
  std::int64_t tokens = 0, notFinite = 0;
};

// Layer `layer`; batches as measureBatches. The trace holds logits.
Expected<RouterLosses> measureLosses(const Trace& trace, const TraceFilter& filter, const CountedTrace& counted,
                                     std::size_t layer, std::int64_t batch, const Draws& draws, const Poll& poll);

// Adds lbl, lbl_slots, lbl_batch and z_loss over layers, lbl_hf (one number, layers of equal size alone) and
// z_histogram over (layer, z).
void addRouterLosses(Result& result, const std::vector<RouterLosses>& layers, const CountedTrace& counted);

}  // namespace moescope
