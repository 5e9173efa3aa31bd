// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/routing/assignments.h"
#include "core/training/metrics.h"

namespace moescope {

// The sums of one routing call. `valid` is bool [T], false for padding; undefined = all are tokens.
LayerTally tallyOf(const Assignments& assignments, const at::Tensor& valid);

}  // namespace moescope
