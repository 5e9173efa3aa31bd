// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/analysis/token_windows.h"

namespace moescope {

// How the load of a layer differs from batch to batch.
struct BatchLoad {
  double violation = 0, worst = 0;  // mean and largest of (max - mean) / mean over batches (MaxVio batch)
  // CV^2 over (batch, expert) = between experts, the same in every batch, which a placement of experts can even out
  //                           + within experts over batches, which only replanning can follow.
  double standing = 0, changing = 0;
  double balancedness = 0;  // mean over batches of mean / max over ranks; NaN without ranks
};

struct BatchLoads {
  std::vector<BatchLoad> layers = {};
  std::int64_t batches = 0, tokens = 0;  // how many, of how many tokens each
};

// Batches are runs of `batch` consecutive tokens of the trace, in its order. `ranks` 0: none.
Expected<BatchLoads> measureBatches(const Trace& trace, const TraceFilter& filter, std::int64_t tokens,
                                    std::int64_t batch, std::int64_t ranks, const Poll& poll);

// Adds max_violation_batch, max_violation_worst, imbalance_static and imbalance_dynamic (and balancedness_batch with
// ranks), each over layers with its floor.
void addBatchLoads(Result& result, const BatchLoads& loads, const CountedTrace& counted, std::int64_t ranks);

}  // namespace moescope
