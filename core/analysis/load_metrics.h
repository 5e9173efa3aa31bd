// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/statistics/noise_floor.h"

namespace moescope {

// One measure of how unevenly assignments spread over the experts of a layer, and what it is under balanced independent
// routing. NaN where the layer has no assignment.
struct LoadMetric {
  std::string name, unit, help;
  double (*of)(std::span<const double> counts);           // counts by expert, not negative
  double (*floor)(const RoutedTotals& totals) = nullptr;  // closed form; none: simulated
};

// cv, max_violation, gini, entropy, jain, effective_experts, dead, cold, hot.
const std::vector<LoadMetric>& loadMetrics();

// The floor of every metric, in their order.
std::vector<double> loadFloors(const RoutedTotals& totals);

// counts / mean count: 1 is the fair share, 0 a dead expert.
std::vector<double> utilisation(std::span<const double> counts);

}  // namespace moescope
