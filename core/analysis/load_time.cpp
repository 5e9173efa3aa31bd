// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <tuple>

#include "core/analysis/load_metrics.h"
#include "core/analysis/operations.h"
#include "core/analysis/token_windows.h"
#include "core/base/checked.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t mostCells = std::size_t{1} << 24;  // of [bin, layer, expert]; 128 MiB each
constexpr std::array<const char*, 6> shown{"cv", "max_violation", "gini", "entropy", "effective_experts", "dead"};

Description describe() {
  return {.id = "load.time",
          .title = "Load over time",
          .help =
              "Load balance along a trace: its tokens, in their order, are cut into windows of equal length, and each "
              "window is measured as load.balance measures the whole. Floors are what balanced, independent routing of "
              "a window's tokens would show, so a short window looks uneven for that reason alone. Cumulative counts "
              "give the load of any run of windows as a difference of two.",
          .page = "Load",
          .in = {{"trace", Kind::trace}},
          .out = {{"result", Kind::result}},
          .parameters = withTraceFilters({integer("bins", 64, 1, 4096, "",
                                                  "windows of equal length that the trace is cut into; never more than "
                                                  "it has tokens")}),
          .figures = {heatMap("time", "utilisation")
                          .over({"expert", "bin"})
                          .at("layer")
                          .scale("log2 around 1")
                          .option("noise_floor", "noise")
                          .greyWithinBaseline()
                          .option("names", {{"bin", "tokens so far"}})
                          .titled("Load of each expert over time"),
                      lines("unevenness", {"cv"})
                          .over({"bin", "layer"})
                          .floor("baseline")
                          .option("names", {{"bin", "tokens so far"}})
                          .titled("Unevenness over time"),
                      lines("violation", {"max_violation"})
                          .over({"bin", "layer"})
                          .floor("baseline")
                          .option("names", {{"bin", "tokens so far"}, {"max_violation", "MaxVio"}})
                          .titled("MaxVio of each window"),
                      lines("effective", {"effective_experts"})
                          .over({"bin", "layer"})
                          .floor("baseline")
                          .option("names", {{"bin", "tokens so far"}})
                          .titled("Effective experts over time"),
                      heatMap("layers", "cv")
                          .over({"layer", "bin"})
                          .scale("sequential")
                          .option("names", {{"bin", "tokens so far"}})
                          .titled("Unevenness by layer and time")},
          .interactive = true,
          .example = "moescope-cli run load.time --study S --in trace=t --set bins=100 --name lt"};
}

Expected<void> checkSize(const TraceInfo& info, std::int64_t bins) {
  std::size_t most = 0;
  for (const TraceLayer& layer : info.layers) most = std::max(most, static_cast<std::size_t>(layer.numExperts));
  const auto rows = checkedMultiply(static_cast<std::size_t>(bins), info.layers.size());
  const auto cells = rows ? checkedMultiply(*rows, most) : std::nullopt;
  if (cells && *cells <= mostCells) return {};
  return usageError(fmt::format("{} windows of {} layers with up to {} experts are more than {} cells: give fewer bins",
                                bins, info.layers.size(), most, mostCells));
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  TRY_DO(checkSize(info, set.integer("bins")));
  Cost cost = countingCost(info, 0);
  TRY(reading, readingCost(inputs.at("trace"), 0));
  double experts = 0;
  for (const TraceLayer& layer : info.layers) experts += static_cast<double>(layer.numExperts);
  const double cells = experts * static_cast<double>(set.integer("bins"));
  cost.bytes += static_cast<std::uint64_t>(24 * cells);
  cost.memory += reading.memory + static_cast<std::uint64_t>(24 * cells);
  cost.seconds += reading.seconds;
  return cost;
}

std::vector<const LoadMetric*> shownMetrics() {
  std::vector<const LoadMetric*> metrics;
  for (const char* name : shown) metrics.push_back(&*std::ranges::find(loadMetrics(), name, &LoadMetric::name));
  return metrics;
}

// Counts of every window, cumulative: [bin, layer, expert], -1 where a layer has fewer experts.
struct Windows {
  std::vector<std::int64_t> ends;
  std::size_t layers, experts;
  std::vector<double> cumulative;
  std::size_t cell(std::size_t bin, std::size_t layer) const { return (bin * layers + layer) * experts; }
  std::int64_t tokens(std::size_t bin) const { return ends[bin] - (bin > 0 ? ends[bin - 1] : 0); }
};

Expected<Windows> countWindows(const Artifact& artifact, const Parameters& set, const CountedTrace& counted, Job& job) {
  const std::int64_t tokens = counted.counters.tokens, bins = std::min(set.integer("bins"), tokens);
  Windows windows{.ends = {},
                  .layers = counted.info.layers.size(),
                  .experts = static_cast<std::size_t>(counted.mostExperts()),
                  .cumulative = {}};
  for (std::int64_t bin = 1; bin <= bins; ++bin)
    windows.ends.push_back(static_cast<std::int64_t>(static_cast<__int128>(tokens) * bin / bins));
  windows.cumulative.assign(windows.ends.size() * windows.layers * windows.experts, -1);
  TRY(trace, Trace::open(artifact.path));
  TRY(filter, traceFilter(trace.info(), set));
  WindowCounts so;
  for (const TraceLayer& layer : counted.info.layers) so.emplace_back(layer.numExperts);
  TRY_DO(eachWindow(trace, filter, windows.ends, pollOf(job, "reading the trace", 0, 1),
                    [&](std::size_t bin, const WindowCounts& counts) {
                      for (std::size_t layer = 0; layer < counts.size(); ++layer)
                        for (std::size_t e = 0; e < counts[layer].size(); ++e) {
                          so[layer][e] += counts[layer][e];
                          windows.cumulative[windows.cell(bin, layer) + e] = static_cast<double>(so[layer][e]);
                        }
                    }));
  return windows;
}

// Measures of every window: utilisation [bin, layer, expert], noise and metrics [bin, layer] with their floors.
class Measures {
 public:
  explicit Measures(const CountedTrace& counted, const Windows& windows)
      : counted_(counted), windows_(windows), metrics_(shownMetrics()) {
    utilisation_.assign(windows.cumulative.size(), nan);
    values_.resize(metrics_.size());
    floors_.resize(metrics_.size());
    for (std::size_t bin = 0; bin < windows.ends.size(); ++bin)
      for (std::size_t layer = 0; layer < windows.layers; ++layer) add(bin, layer);
  }

  void addTo(Result& result) && {
    Array& ratio = result.add("utilisation", "x fair share", {"bin", "layer", "expert"}, std::move(utilisation_));
    ratio.help = "n E / (N k) of the window, N k being its assignments.";
    ratio.baseline.assign(ratio.values.size(), 1);
    for (std::size_t at = 0; at < metrics_.size(); ++at) {
      Array& array = result.add(metrics_[at]->name, metrics_[at]->unit, {"bin", "layer"}, std::move(values_[at]));
      array.help = metrics_[at]->help + " Of each window.";
      array.baseline = std::move(floors_[at]);
    }
    result.add("noise", "x fair share", {"bin", "layer"}, std::move(noise_)).help =
        "Two standard deviations of an expert's utilisation in a window of balanced independent routing.";
  }

 private:
  void add(std::size_t bin, std::size_t layer) {
    const auto experts = static_cast<std::size_t>(counted_.info.layers[layer].numExperts);
    const std::size_t cell = windows_.cell(bin, layer);
    std::vector<double> counts;
    double assignments = 0;
    for (std::size_t e = 0; e < experts; ++e) {
      counts.push_back(windows_.cumulative[cell + e] -
                       (bin > 0 ? windows_.cumulative[windows_.cell(bin - 1, layer) + e] : 0));
      assignments += counts.back();
    }
    const std::vector<double> ratio = utilisation(counts);
    std::copy(ratio.begin(), ratio.end(), utilisation_.begin() + static_cast<std::ptrdiff_t>(cell));
    const RoutedTotals totals{windows_.tokens(bin), static_cast<std::int64_t>(assignments),
                              static_cast<std::int64_t>(experts)};
    noise_.push_back(2 * balancedVariation(totals));
    const std::vector<double>& floors = floorsOf(totals);
    for (std::size_t at = 0; at < metrics_.size(); ++at) {
      values_[at].push_back(metrics_[at]->of(counts));
      floors_[at].push_back(floors[at]);
    }
  }

  // Windows differ by a token at most: their floors are simulated once for each size of layer.
  const std::vector<double>& floorsOf(const RoutedTotals& totals) {
    const std::int64_t usual = counted_.counters.tokens / static_cast<std::int64_t>(windows_.ends.size());
    std::vector<double>& known =
        known_[{usual, totals.assignments / std::max<std::int64_t>(1, totals.tokens), totals.experts}];
    if (known.empty()) {
      std::vector<LoadMetric> list;
      for (const LoadMetric* metric : metrics_) list.push_back(*metric);
      known = loadFloors(totals, list);
    }
    return known;
  }

  const CountedTrace& counted_;
  const Windows& windows_;
  std::vector<const LoadMetric*> metrics_;
  std::vector<double> utilisation_, noise_;
  std::vector<std::vector<double>> values_, floors_;
  std::map<std::tuple<std::int64_t, std::int64_t, std::int64_t>, std::vector<double>> known_;
};

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(counted, countTrace(inputs.at("trace"), set, false, job));
  TRY_DO(checkSize(counted.info, set.integer("bins")));
  TRY(windows, countWindows(inputs.at("trace"), set, counted, job));
  Axis bins{.name = "bin", .labels = {}};
  for (std::int64_t end : windows.ends) bins.labels.push_back(std::to_string(end));
  Result result{.axes = {std::move(bins), layerAxis(counted.info), expertAxis(counted.info)},
                .facts = traceFacts(counted, "load.time")};
  result.facts["window"] = windows.tokens(0);
  Measures(counted, windows).addTo(result);
  result.addWhole("cumulative", "assignments", {"bin", "layer", "expert"}, std::move(windows.cumulative)).help =
      "Assignments of the tokens up to the end of the window, which is its label; -1 where a layer has fewer experts.";
  return one("result", std::move(result), traceSummary(counted));
}

}  // namespace

const Operation loadTime{describe, estimate, run};

}  // namespace moescope
