// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace moescope {

// Learning rate over the steps: linear warm-up from peak / warmup to the peak, then half a cosine down to floorShare of
// it.
struct Schedule {
  double peak = 1e-3;
  std::int64_t warmup = 0;  // steps
  std::int64_t steps = 1;   // of the whole run
  double floorShare = 0.1;  // of the peak, reached at the last step (as OLMoE does)
};

double learningRateAt(const Schedule& schedule, std::int64_t step);  // step counts from 0

}  // namespace moescope
