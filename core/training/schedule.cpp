// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace moescope {

double learningRateAt(const Schedule& schedule, std::int64_t step) {
  if (step < schedule.warmup) return schedule.peak * double(step + 1) / double(schedule.warmup);
  const double last = double(std::max<std::int64_t>(1, schedule.steps - 1 - schedule.warmup));
  const double done = std::clamp(double(step - schedule.warmup) / last, 0.0, 1.0);
  const double cosine = 0.5 * (1 + std::cos(std::numbers::pi * done));
  return schedule.peak * (schedule.floorShare + (1 - schedule.floorShare) * cosine);
}

}  // namespace moescope
