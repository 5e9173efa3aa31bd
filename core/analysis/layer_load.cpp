// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/layer_load.h"

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "core/statistics/bootstrap_inference.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<double> measures(std::span<const double> counts, const std::vector<LoadMetric>& metrics) {
  std::vector<double> all = utilisation(counts);
  for (const LoadMetric& metric : metrics) all.push_back(metric.of(counts));
  return all;
}

Expected<std::vector<Interval>> bootstrap(const CountedTrace& counted, std::size_t layer, const LayerLoad& load,
                                          const LoadRequest& request, Job& job) {
  DocumentTable table = documentTable(counted, layer);
  const std::int64_t draws = request.draws.count, documents = table.documents();
  if (draws == 0 || documents < 2) return std::vector<Interval>{};
  table.groups = 1;
  std::fill(table.group.begin(), table.group.end(), std::uint16_t{0});
  const std::size_t count = load.values.size();
  std::vector<double> drawn(count * draws), left;  // [measure, draw], [measure, document]
  const auto keep = [&](std::vector<double>& into, std::int64_t width) {
    return [&request, &into, width](std::int64_t at, std::span<const double> counts) {
      const std::vector<double> all = measures(counts, request.metrics);
      for (std::size_t measure = 0; measure < all.size(); ++measure) into[measure * width + at] = all[measure];
    };
  };
  TRY_DO(resampleDocuments(table, request.draws, keep(drawn, draws),
                           pollOf(job, "resampling documents", layer, counted.info.layers.size())));
  if (request.corrected) {
    left.resize(count * documents);
    leaveOneOut(table, keep(left, documents));
  }
  std::vector<Interval> intervals;
  for (std::size_t at = 0; at < count; ++at) {
    const std::span of = std::span(drawn).subspan(at * draws, draws);
    intervals.push_back(request.corrected ? biasCorrectedInterval(of, load.values[at],
                                                                  std::span(left).subspan(at * documents, documents))
                                          : percentileInterval(of));
  }
  return intervals;
}

// Layers of equal size and trace share their floors.
class Floors {
 public:
  const std::vector<double>& of(const RoutedTotals& totals, const std::vector<LoadMetric>& metrics) {
    std::vector<double>& found = known_[{totals.tokens, totals.assignments, totals.experts}];
    if (found.empty()) found = loadFloors(totals, metrics);
    return found;
  }

 private:
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, std::vector<double>> known_;
};

}  // namespace

Expected<std::vector<LayerLoad>> measureLoads(const CountedTrace& counted, const LoadRequest& request, Job& job) {
  std::vector<LayerLoad> loads;
  Floors floors;
  for (std::size_t layer = 0; layer < counted.info.layers.size(); ++layer) {
    if (job.cancelled()) return cancelledError();
    const LayerCounters& counters = counted.counters.layers[layer];
    const RoutedTotals totals = routedTotals(counted.counters, layer);
    LayerLoad load{
        .values = measures(std::vector<double>(counters.count.begin(), counters.count.end()), request.metrics),
        .noise = 2 * balancedVariation(totals)};
    load.floors = floors.of(totals, request.metrics);
    TRY_ASSIGN(load.intervals, bootstrap(counted, layer, load, request, job));
    loads.push_back(std::move(load));
  }
  return loads;
}

namespace {

void addUtilisation(Result& result, const CountedTrace& counted, const std::vector<LayerLoad>& loads) {
  const auto experts = static_cast<std::size_t>(counted.mostExperts());
  const std::size_t cells = loads.size() * experts;
  std::vector<double> count(cells, -1), ratio(cells, nan), fair(cells, nan), low(cells, nan), high(cells, nan);
  for (std::size_t layer = 0; layer < loads.size(); ++layer)
    for (std::size_t e = 0; e < counted.counters.layers[layer].count.size(); ++e) {
      const std::size_t cell = layer * experts + e;
      count[cell] = static_cast<double>(counted.counters.layers[layer].count[e]);
      ratio[cell] = loads[layer].values[e];
      fair[cell] = 1;
      if (loads[layer].intervals.empty()) continue;
      low[cell] = loads[layer].intervals[e].low;
      high[cell] = loads[layer].intervals[e].high;
    }
  result.addWhole("count", "assignments", {"layer", "expert"}, std::move(count)).help =
      "Tokens that chose the expert, at any rank, dropped ones included.";
  Array& array = result.add("utilisation", "x fair share", {"layer", "expert"}, std::move(ratio));
  array.help = "n E / (N k), N k being the assignments made; interval over resampled documents.";
  array.baseline = std::move(fair);
  if (!loads.front().intervals.empty()) {
    array.low = std::move(low);
    array.high = std::move(high);
  }
}

void addMetric(Result& result, const CountedTrace& counted, const std::vector<LayerLoad>& loads,
               const LoadMetric& metric, std::size_t index) {
  std::vector<double> values, floors, low, high;
  for (std::size_t layer = 0; layer < loads.size(); ++layer) {
    const std::size_t at = counted.counters.layers[layer].count.size() + index;
    values.push_back(loads[layer].values[at]);
    floors.push_back(loads[layer].floors[index]);
    if (loads[layer].intervals.empty()) continue;
    low.push_back(loads[layer].intervals[at].low);
    high.push_back(loads[layer].intervals[at].high);
  }
  Array& array = result.add(metric.name, metric.unit, {"layer"}, std::move(values));
  array.help =
      metric.help +
      (metric.floor == nullptr ? " The floor is the mean of 1000 simulated balanced routings, fixed seed." : "");
  array.baseline = std::move(floors);
  array.low = std::move(low);
  array.high = std::move(high);
}

}  // namespace

void addLoads(Result& result, const CountedTrace& counted, const std::vector<LayerLoad>& loads,
              const std::vector<LoadMetric>& metrics) {
  addUtilisation(result, counted, loads);
  for (std::size_t index = 0; index < metrics.size(); ++index) addMetric(result, counted, loads, metrics[index], index);
  std::vector<double> noise;
  for (const LayerLoad& load : loads) noise.push_back(load.noise);
  result.add("noise", "x fair share", {"layer"}, std::move(noise)).help =
      "Two standard deviations of an expert's utilisation under balanced independent routing, 2 sqrt((E - k) / (N k)).";
}

}  // namespace moescope
