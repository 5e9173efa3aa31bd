// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/capture/walk_plan.h"
#include "core/operation/operation.h"

namespace moescope {

// What a walk over the chosen tokens costs within the memory that the machine has free: `keptPerToken` bytes are held
// of each until its group is done, `bytesPerToken` written. Reads headers only.
Expected<Cost> walkCost(const Inputs& inputs, const Parameters& set, const WeightStore& weights, const WalkEnd& end,
                        double keptPerToken, double bytesPerToken);

// One line of the log: groups, memory, and a warning where the budget is too small for a single batch.
void sayPlan(const WalkPlan& plan, Job& job);

}  // namespace moescope
