// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/analysis/counted_trace.h"
#include "core/analysis/load_metrics.h"

namespace moescope {

struct LoadRequest {
  std::vector<LoadMetric> metrics;
  Draws draws;
  bool corrected;  // BCa intervals in place of percentile ones
};

// Everything the result says of one layer: utilisation by expert, then the metrics, in one list, so that one pass of
// resampling serves both.
struct LayerLoad {
  std::vector<double> values = {}, floors = {};
  std::vector<Interval> intervals = {};  // empty without resampling
  double noise = 0;                      // two standard deviations of a balanced expert's utilisation
};

// Of every layer, from the counters.
Expected<std::vector<LayerLoad>> measureLoads(const CountedTrace& counted, const LoadRequest& request, Job& job);

// Adds count and utilisation over (layer, expert), and every metric and the noise of a balanced expert over layers.
void addLoads(Result& result, const CountedTrace& counted, const std::vector<LayerLoad>& loads,
              const std::vector<LoadMetric>& metrics);

}  // namespace moescope
