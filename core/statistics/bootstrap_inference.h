// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string_view>

#include "core/statistics/resampling.h"

// What the draws of a bootstrap say, beyond their percentiles.
namespace moescope {

// Bias-corrected and accelerated 95 % interval (Efron 1987): `draws` of a statistic whose value is `observed`, and
// `jackknife`, its values without each document. The percentile interval where the correction is not defined (all draws
// on one side of the observed value). Reorders `draws`.
Interval biasCorrectedInterval(std::span<double> draws, double observed, std::span<const double> jackknife,
                               double coverage = 0.95);

// How likely a difference at least this far from 0 is where there is none: Student's t of the difference over the
// deviation of its draws, documents - 1 degrees of freedom, never below 2^(1 - documents), the least that exchanging
// the sides of whole documents could give. NaN below two documents.
double differenceP(double difference, std::span<const double> draws, std::int64_t documents);

}  // namespace moescope
