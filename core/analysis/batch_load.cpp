// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/batch_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/analysis/load_metrics.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// One layer over batches.
struct Sums {
  std::vector<double> count, squares;  // by expert: over batches, n and n^2
  double violation = 0, worst = 0, balancedness = 0;
  std::int64_t loaded = 0;  // batches in which the layer has an assignment
};

void addBatch(Sums& sums, const std::vector<std::int64_t>& counts, std::int64_t ranks) {
  const std::vector<double> load(counts.begin(), counts.end());
  sums.count.resize(load.size());
  sums.squares.resize(load.size());
  const double mean = std::accumulate(load.begin(), load.end(), 0.0) / static_cast<double>(load.size());
  for (std::size_t e = 0; e < load.size(); ++e) {
    sums.count[e] += load[e];
    sums.squares[e] += load[e] * load[e];
  }
  if (mean == 0) return;
  const double violation = *std::max_element(load.begin(), load.end()) / mean - 1;
  sums.violation += violation;
  sums.worst = std::max(sums.worst, violation);
  if (ranks > 0) sums.balancedness += balancedness(foldToRanks(load, ranks));
  ++sums.loaded;
}

double violationOf(const RoutedTotals& totals) {
  const auto metric = std::ranges::find(loadMetrics(), "max_violation", &LoadMetric::name);
  return loadFloors(totals, {*metric}).front();
}

BatchLoad layerOf(const Sums& sums, std::int64_t batches, std::int64_t ranks) {
  if (sums.loaded == 0) return {nan, nan, nan, nan, nan};
  const auto experts = static_cast<double>(sums.count.size()), over = static_cast<double>(batches);
  const double mean = std::accumulate(sums.count.begin(), sums.count.end(), 0.0) / (experts * over);
  BatchLoad load{.violation = sums.violation / static_cast<double>(sums.loaded), .worst = sums.worst};
  for (std::size_t e = 0; e < sums.count.size(); ++e) {
    const double own = sums.count[e] / over;
    load.standing += (own - mean) * (own - mean) / (experts * mean * mean);
    load.changing += (sums.squares[e] / over - own * own) / (experts * mean * mean);
  }
  load.changing = std::max(0.0, load.changing);  // rounding may fall below
  load.balancedness = ranks > 0 ? sums.balancedness / static_cast<double>(sums.loaded) : nan;
  return load;
}

}  // namespace

Expected<BatchLoads> measureBatches(const Trace& trace, const TraceFilter& filter, std::int64_t tokens,
                                    std::int64_t batch, std::int64_t ranks, const Poll& poll) {
  const std::vector<std::int64_t> ends = equalWindows(tokens, batch);
  std::vector<Sums> sums(trace.info().layers.size());
  TRY_DO(eachWindow(trace, filter, ends, poll, [&](std::size_t, const WindowCounts& counts) {
    for (std::size_t layer = 0; layer < counts.size(); ++layer) addBatch(sums[layer], counts[layer], ranks);
  }));
  BatchLoads loads{.batches = static_cast<std::int64_t>(ends.size()), .tokens = ends.front()};
  for (const Sums& layer : sums) loads.layers.push_back(layerOf(layer, loads.batches, ranks));
  return loads;
}

void addBatchLoads(Result& result, const BatchLoads& loads, const CountedTrace& counted, std::int64_t ranks) {
  std::vector<double> violation, violationFloor, worst, standing, standingFloor, changing, changingFloor, even;
  for (std::size_t layer = 0; layer < loads.layers.size(); ++layer) {
    const BatchLoad& load = loads.layers[layer];
    const RoutedTotals all = routedTotals(counted.counters, layer);
    const double share = static_cast<double>(loads.tokens) / static_cast<double>(all.tokens);
    const RoutedTotals one{loads.tokens, std::llround(share * static_cast<double>(all.assignments)), all.experts};
    violation.push_back(load.violation);
    violationFloor.push_back(violationOf(one));
    worst.push_back(load.worst);
    standing.push_back(load.standing);
    changing.push_back(load.changing);
    even.push_back(load.balancedness);
    const double noise = std::pow(balancedVariation(one), 2), batches = static_cast<double>(loads.batches);
    standingFloor.push_back(noise / batches);
    changingFloor.push_back(noise * (1 - 1 / batches));
  }
  const std::string batches =
      fmt::format("{} batches of {} consecutive tokens of the trace", loads.batches, loads.tokens);
  Array& batch = result.add("max_violation_batch", "", {"layer"}, std::move(violation));
  batch.help = "MaxVio batch: largest count / mean count - 1 in a batch, averaged over " + batches +
               ". Wang et al. 2024. The floor is the mean of 1000 simulated balanced batches of that size.";
  batch.baseline = std::move(violationFloor);
  result.add("max_violation_worst", "", {"layer"}, std::move(worst)).help =
      "Largest count / mean count - 1 of the most uneven of " + batches + ".";
  Array& own = result.add("imbalance_static", "", {"layer"}, std::move(standing));
  own.help =
      "The part of CV^2 over (batch, expert) that lies between experts, the same in every batch: placing experts "
      "can even it out. Over " +
      batches + ". With imbalance_dynamic it sums to the whole.";
  own.baseline = std::move(standingFloor);
  Array& change = result.add("imbalance_dynamic", "", {"layer"}, std::move(changing));
  change.help =
      "The part of CV^2 over (batch, expert) that lies within experts over batches: only replanning can follow "
      "it. Over " +
      batches + "; its floor is what chance alone gives in batches of that size.";
  change.baseline = std::move(changingFloor);
  if (ranks > 0)
    result.add("balancedness_batch", "", {"layer"}, std::move(even)).help =
        "Mean load over the ranks / largest, averaged over " + batches + ".";
}

}  // namespace moescope
