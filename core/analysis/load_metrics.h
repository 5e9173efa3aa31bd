// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/statistics/noise_floor.h"

namespace moescope {

// One measure of how unevenly assignments spread over the experts of a layer, and what it is under balanced independent
// routing. NaN where the layer has no assignment.
struct LoadMetric {
  std::string name, unit, convention, help;
  std::function<double(std::span<const double>)> of;                  // counts by expert, not negative
  std::function<double(const RoutedTotals& totals)> floor = nullptr;  // closed form; none: simulated
};

// cv, max_violation, gini, entropy, jain, effective_experts, dead, cold, hot; then what says the same in other words:
// max_over_mean, min_over_mean, kl_uniform, effective_experts_2.
const std::vector<LoadMetric>& loadMetrics();

// balancedness and rank_overload of experts that lie on `ranks` ranks in equal runs; ranks divides the experts.
std::vector<LoadMetric> rankMetrics(std::int64_t ranks);

// Load of each rank: experts 0..E-1 lie on `ranks` ranks in equal runs.
std::vector<double> foldToRanks(std::span<const double> counts, std::int64_t ranks);

// Mean load over largest, 1 where all are alike; NaN for no load.
double balancedness(std::span<const double> loads);

// The floor of every metric, in their order.
std::vector<double> loadFloors(const RoutedTotals& totals, const std::vector<LoadMetric>& metrics = loadMetrics());

// Points of the Lorenz curve: the share of the load that the least loaded share of experts carries, at `points` shares
// from 0 to 1, linear between experts. Empty for no load.
std::vector<double> lorenzCurve(std::span<const double> counts, std::size_t points);

// counts / mean count: 1 is the fair share, 0 a dead expert.
std::vector<double> utilisation(std::span<const double> counts);

}  // namespace moescope
