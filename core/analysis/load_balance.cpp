// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "core/analysis/counted_trace.h"
#include "core/analysis/load_metrics.h"
#include "core/analysis/operations.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

std::vector<std::string> metricNames() {
  std::vector<std::string> names;
  for (const LoadMetric& metric : loadMetrics()) names.push_back(metric.name);
  return names;
}

Description describe() {
  return {.id = "load.balance",
          .title = "Load balance",
          .help =
              "How evenly the tokens of a trace spread over the experts of each layer. Utilisation is n E / (N k): 1 "
              "is the fair share, 0 a dead "
              "expert; beside it coefficient of variation (Shazeer et al. 2017), MaxVio (Wang et al. 2024), Gini "
              "coefficient, normalised "
              "entropy, Jain's index, effective and dead experts. Intervals are 95 % percentile intervals over "
              "resampled documents; near the "
              "floor they lie above the value, because resampling adds the unevenness of a sample once more. Floors "
              "are what balanced, "
              "independent routing of as many tokens would show: no trace of this length can look more even.",
          .page = "Load",
          .in = {{"trace", Kind::trace}},
          .out = {{"result", Kind::result}},
          .parameters = withTraceFilters(
              {integer("draws", 1000, 0, 10000, "", "document resamples behind the intervals; 0 leaves them out"),
               integer("seed", 0, 0, 1e9, "", "of the resampling").secondary()}),
          .figures =
              {heatMap("load", "utilisation")
                   .over({"layer", "expert"})
                   .scale("log2 around 1")
                   .greyWithinBaseline()
                   .option("noise_floor", "noise")
                   .titled("Load by layer and expert"),
               sortedBars("experts", "utilisation")
                   .over({"expert"})
                   .at("layer")
                   .line(1, "fair share")
                   .option("noise_floor", "noise")
                   .titled("Experts by load"),
               table("metrics", metricNames()).option("summary", "mean over layer").titled("Balance"),
               lines("evenness", {"cv", "gini", "max_violation"})
                   .over({"layer"})
                   .floor("baseline")
                   .titled("Unevenness over layers"),
               lines("effective", {"effective_experts"})
                   .over({"layer"})
                   .floor("baseline")
                   .titled("Effective experts over layers"),
               lines("entropy", {"entropy", "jain"}).over({"layer"}).floor("baseline").titled("Evenness over layers"),
               table("layers", metricNames()).over({"layer"}).titled("Balance of each layer")},
          .interactive = true,
          .example = "moescope-cli run load.balance --study S --in trace=t --name lb --json"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  return countingCost(info, set.integer("draws"));
}

// Everything the result says of one layer. Experts first, then metrics, in one list: one pass of resampling serves
// both.
struct LayerLoad {
  std::vector<double> values, floors;
  std::vector<Interval> intervals;  // empty without resampling
  double noise = nan;               // two standard deviations of a balanced expert's utilisation
};

std::vector<double> measures(std::span<const double> counts) {
  std::vector<double> all = utilisation(counts);
  for (const LoadMetric& metric : loadMetrics()) all.push_back(metric.of(counts));
  return all;
}

Expected<std::vector<Interval>> bootstrap(const CountedTrace& counted, std::size_t layer, std::size_t measureCount,
                                          const Draws& draws, Job& job) {
  DocumentTable table = documentTable(counted, layer);
  if (draws.count == 0 || table.documents() < 2) return std::vector<Interval>{};
  table.groups = 1;
  std::fill(table.group.begin(), table.group.end(), std::uint16_t{0});
  std::vector<double> drawn(measureCount * draws.count);  // [measure, draw]
  TRY_DO(resampleDocuments(
      table, draws,
      [&](std::int64_t draw, std::span<const double> counts) {
        const std::vector<double> all = measures(counts);
        for (std::size_t at = 0; at < all.size(); ++at) drawn[at * draws.count + draw] = all[at];
      },
      pollOf(job, "resampling documents", layer, counted.info.layers.size())));
  std::vector<Interval> intervals;
  for (std::size_t at = 0; at < measureCount; ++at)
    intervals.push_back(percentileInterval(std::span(drawn).subspan(at * draws.count, draws.count)));
  return intervals;
}

// Layers of equal size and trace share their floors.
class Floors {
 public:
  const std::vector<double>& of(const RoutedTotals& totals) {
    std::vector<double>& found = known_[{totals.tokens, totals.assignments, totals.experts}];
    if (found.empty()) found = loadFloors(totals);
    return found;
  }

 private:
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, std::vector<double>> known_;
};

Expected<std::vector<LayerLoad>> measureLayers(const CountedTrace& counted, const Draws& draws, Job& job) {
  std::vector<LayerLoad> loads;
  Floors floors;
  for (std::size_t layer = 0; layer < counted.info.layers.size(); ++layer) {
    if (job.cancelled()) return cancelledError();
    const LayerCounters& counters = counted.counters.layers[layer];
    const RoutedTotals totals = routedTotals(counted.counters, layer);
    LayerLoad load{.values = measures(std::vector<double>(counters.count.begin(), counters.count.end())),
                   .noise = 2 * balancedVariation(totals)};
    load.floors = floors.of(totals);
    TRY_ASSIGN(load.intervals, bootstrap(counted, layer, load.values.size(), draws, job));
    loads.push_back(std::move(load));
  }
  return loads;
}

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

void addMetric(Result& result, const CountedTrace& counted, const std::vector<LayerLoad>& loads, std::size_t index) {
  const LoadMetric& metric = loadMetrics()[index];
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

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(counted, countTrace(inputs.at("trace"), set, false, job));
  TRY(loads, measureLayers(counted, drawsOf(set, job), job));
  Result result{.axes = {layerAxis(counted.info), expertAxis(counted.info)},
                .facts = traceFacts(counted, "load.balance")};
  addUtilisation(result, counted, loads);
  for (std::size_t index = 0; index < loadMetrics().size(); ++index) addMetric(result, counted, loads, index);
  std::vector<double> noise;
  for (const LayerLoad& load : loads) noise.push_back(load.noise);
  result.add("noise", "x fair share", {"layer"}, std::move(noise)).help =
      "Two standard deviations of an expert's utilisation under balanced independent routing, 2 sqrt((E - k) / (N k)).";
  return one("result", std::move(result), traceSummary(counted));
}

}  // namespace

const Operation loadBalance{describe, estimate, run};

}  // namespace moescope
