// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "core/statistics/resampling.h"

// Shares of independent trials. Tokens of one document are not independent: where documents are known, resample those
// and keep these for what they bound. NaN without trials.
namespace moescope {

struct Proportion {
  double hits = 0, trials = 0;  // hits <= trials
  double share() const { return hits / trials; }
};

// Score interval (Wilson 1927).
Interval wilsonInterval(const Proportion& of, double coverage = 0.95);

// first.share() - second.share(), and its hybrid score interval (Newcombe 1998, method 10).
struct RiskDifference {
  double difference;
  Interval interval;
};
RiskDifference riskDifference(const Proportion& first, const Proportion& second, double coverage = 0.95);

// The largest rate that so few hits do not contradict: one-sided exact bound (Clopper and Pearson 1934); without a hit
// 1 - (1 - confidence)^(1 / trials), about 3 / trials at 95 %.
double rateBound(const Proportion& of, double confidence = 0.95);

}  // namespace moescope
