// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "core/analysis/capacity_simulation.h"
#include "core/analysis/operations.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t deciles = CapacityDrops::deciles, mostFactors = 16;

Description describe() {
  return {
      .id = "load.capacity",
      .title = "Capacity and dropped tokens",
      .help =
          "What a capacity would drop: a simulation on the assignments of the trace. Every group of T tokens gives "
          "each expert ceil(factor T k / E) places; assignments beyond them are dropped. A group is a window of the "
          "trace's length, or so many consecutive tokens; the priority says who comes first. Drop rate is the share "
          "of assignments; its floor is what balanced, independent routing would drop in groups of that size "
          "(simulated). By position: where in their group the dropped ones stood (OpenMoE, Xue et al. 2024: "
          "drops gather towards the end). A trained model that had a capacity would have routed otherwise.",
      .page = "Load",
      .in = {{"trace", Kind::trace}},
      .out = {{"result", Kind::result}},
      .parameters = withTraceFilters(
          {list("factors", Json{1, 1.25, 1.5, 2}, "capacity factors to compare, each above 0; at most 16"),
           integer("group", 0, 0, 1e9, "tokens",
                   "consecutive tokens that share the places; 0: each window of the trace's length in a document"),
           choice("priority", "rank",
                  {{"rank", "first choices of all tokens, then second ones (GShard; the routers trained here)"},
                   {"token", "token after token, with all its choices"},
                   {"weight", "heaviest combine weights first (batch prioritised routing)"}},
                  "who takes an expert's places first"),
           integer("draws", 1000, 0, 10000, "", "document resamples behind the intervals; 0 leaves them out"),
           integer("seed", 0, 0, 1e9, "", "of the resampling").secondary()}),
      .figures = {lines("drops", {"drop_rate"})
                      .over({"factor", "layer"})
                      .floor("baseline")
                      .option("names", {{"factor", "capacity factor"}, {"drop_rate", "dropped assignments"}})
                      .titled("What a capacity would drop"),
                  lines("position", {"drop_by_position"})
                      .over({"position", "factor"})
                      .at("layer")
                      .option("names",
                              {{"position", "position in the group, %"}, {"drop_by_position", "dropped assignments"}})
                      .titled("Dropped assignments by position"),
                  lines("lost", {"token_loss"})
                      .over({"factor", "layer"})
                      .option("names", {{"factor", "capacity factor"}, {"token_loss", "tokens without any expert"}})
                      .titled("Tokens that no expert would take"),
                  heatMap("experts", "drop_by_expert")
                      .over({"layer", "expert"})
                      .at("factor")
                      .scale("sequential")
                      .titled("Share of an expert's assignments that is dropped"),
                  lines("observed", {"dropped_observed"}).over({"layer"}).titled("Dropped in the trace itself")},
      .interactive = true,
      .example = "moescope-cli run load.capacity --study S --in trace=t --set factors=[1,1.25,2] --name lc"};
}

Expected<CapacitySetting> settingOf(const Parameters& set) {
  CapacitySetting setting{.factors = {}, .group = set.integer("group")};
  for (const Json& factor : set.value("factors")) {
    if (!factor.is_number() || !(factor.get<double>() > 0) || factor.get<double>() > 1e6)
      return usageError(fmt::format("factors holds {}; a capacity factor is a number above 0", factor.dump()));
    setting.factors.push_back(factor.get<double>());
  }
  if (setting.factors.empty() || setting.factors.size() > mostFactors)
    return usageError(fmt::format("factors holds {} numbers; give 1 to {}", setting.factors.size(), mostFactors));
  if (!std::is_sorted(setting.factors.begin(), setting.factors.end(), std::less_equal<>()))
    return usageError("factors must rise, for instance factors=[1,1.25,2]");
  const std::string& priority = set.text("priority");
  setting.priority = priority == "token" ? Priority::token : priority == "weight" ? Priority::weight : Priority::rank;
  return setting;
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  TRY(setting, settingOf(set));
  Cost cost = countingCost(info, set.integer("draws"));
  TRY(reading, readingCost(inputs.at("trace"), setting.columns()));
  cost.memory += reading.memory;
  cost.seconds += 4 * reading.seconds;
  return cost;
}

// Share of assignments that balanced routing would lose, for each factor. Groups of like size are simulated together.
std::vector<double> balancedDrops(const TraceLayer& layer, const CapacitySetting& setting,
                                  const std::map<std::int64_t, double>& sizes) {
  std::map<int, std::pair<double, double>> alike;  // half octave of the size: tokens, tokens times size
  for (const auto& [size, tokens] : sizes) {
    auto& [sum, weighted] = alike[static_cast<int>(2 * std::log2(static_cast<double>(size)))];
    sum += tokens;
    weighted += tokens * static_cast<double>(size);
  }
  std::vector<double> dropped(setting.factors.size());
  double all = 0;
  for (const auto& [octave, sums] : alike) {
    const auto size = std::llround(sums.second / sums.first);
    const RoutedTotals totals{size, size * layer.topK, layer.numExperts};
    const std::vector<double> shares =
        simulateBalanced(totals, setting.factors.size(), [&](std::span<const double> counts, std::span<double> into) {
          for (std::size_t factor = 0; factor < into.size(); ++factor) {
            const auto places =
                static_cast<double>(groupCapacity(setting.factors[factor], size, layer.topK, layer.numExperts));
            into[factor] = 0;
            for (double count : counts) into[factor] += std::max(0.0, count - places);
            into[factor] /= static_cast<double>(totals.assignments);
          }
        });
    all += sums.first;
    for (std::size_t factor = 0; factor < dropped.size(); ++factor) dropped[factor] += sums.first * shares[factor];
  }
  for (double& share : dropped) share /= all;
  return dropped;
}

Expected<std::vector<Interval>> dropIntervals(const CapacityDrops& drops, const Draws& draws, const Poll& poll) {
  const std::size_t factors = drops.lost.size();
  std::vector<Interval> intervals(factors, {nan, nan});
  if (draws.count == 0 || drops.byDocument.documents() < 2) return intervals;
  std::vector<double> drawn(factors * draws.count);
  TRY_DO(resampleSums(
      drops.byDocument, draws,
      [&](std::int64_t draw, std::span<const double> sums) {
        for (std::size_t factor = 0; factor < factors; ++factor)
          drawn[factor * draws.count + draw] = sums[factors] > 0 ? sums[factor] / sums[factors] : nan;
      },
      poll));
  for (std::size_t factor = 0; factor < factors; ++factor)
    intervals[factor] = percentileInterval(std::span(drawn).subspan(factor * draws.count, draws.count));
  return intervals;
}

double share(double part, double whole) {
  return whole > 0 ? part / whole : nan;
}

// Everything over [factor, layer, ...].
Expected<void> addDrops(Result& result, const CountedTrace& counted, const CapacitySetting& setting,
                        const CapacitySimulation& simulation, const Draws& draws, Job& job) {
  const std::size_t factors = setting.factors.size(), layers = counted.info.layers.size(),
                    experts = static_cast<std::size_t>(counted.mostExperts());
  std::vector<double> rate(factors * layers), floor(rate), low(rate), high(rate), lost(rate),
      position(rate.size() * deciles), byExpert(rate.size() * experts, nan);
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<double>> floors;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const CapacityDrops& drops = simulation.layers()[layer];
    const TraceLayer& of = counted.info.layers[layer];
    std::vector<double>& known = floors[{of.topK, of.numExperts}];
    if (known.empty()) known = balancedDrops(of, setting, simulation.sizes());
    TRY(intervals, dropIntervals(drops, draws, pollOf(job, "resampling documents", layer, layers)));
    const double assigned = std::accumulate(drops.assignedByDecile.begin(), drops.assignedByDecile.end(), 0.0);
    for (std::size_t factor = 0; factor < factors; ++factor) {
      const std::size_t cell = factor * layers + layer;
      const std::vector<double>& deciled = drops.byDecile[factor];
      rate[cell] = share(std::accumulate(deciled.begin(), deciled.end(), 0.0), assigned);
      floor[cell] = known[factor];
      low[cell] = intervals[factor].low;
      high[cell] = intervals[factor].high;
      lost[cell] = share(drops.lost[factor], static_cast<double>(counted.counters.tokens));
      for (std::size_t decile = 0; decile < deciles; ++decile)
        position[cell * deciles + decile] = share(deciled[decile], drops.assignedByDecile[decile]);
      for (std::size_t e = 0; e < drops.byExpert[factor].size(); ++e)
        byExpert[cell * experts + e] =
            share(drops.byExpert[factor][e], static_cast<double>(counted.counters.layers[layer].count[e]));
    }
  }
  Array& array = result.add("drop_rate", "share of assignments", {"factor", "layer"}, std::move(rate));
  array.help =
      "Assignments beyond ceil(factor T k / E) of their expert in a group of T tokens, over all; simulated. The "
      "floor is what balanced, independent routing of such groups would drop.";
  array.baseline = std::move(floor);
  if (draws.count > 0 && counted.documents() > 1) {
    array.low = std::move(low);
    array.high = std::move(high);
  }
  result.add("token_loss", "share of tokens", {"factor", "layer"}, std::move(lost)).help =
      "Tokens all of whose assignments would be dropped: the layer passes them by.";
  result.add("drop_by_position", "share of assignments", {"factor", "layer", "position"}, std::move(position)).help =
      "Dropped assignments over all of the tokens in that tenth of their group.";
  result.add("drop_by_expert", "share of its assignments", {"factor", "layer", "expert"}, std::move(byExpert)).help =
      "Dropped assignments of the expert over all of its own.";
  return {};
}

void addObserved(Result& result, const CountedTrace& counted) {
  std::vector<double> observed;
  for (const LayerCounters& layer : counted.counters.layers)
    observed.push_back(share(std::accumulate(layer.dropped.begin(), layer.dropped.end(), 0.0),
                             std::accumulate(layer.count.begin(), layer.count.end(), 0.0)));
  result.add("dropped_observed", "share of assignments", {"layer"}, std::move(observed)).help =
      "Assignments that the model itself dropped: their combine weight in the trace is 0.";
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(setting, settingOf(set));
  TRY(counted, countTrace(inputs.at("trace"), set, true, job));
  TRY(trace, Trace::open(inputs.at("trace").path));
  TRY(filter, traceFilter(trace.info(), set));
  CapacitySimulation simulation(counted, setting);
  TRY_DO(eachChunk(trace, filter, setting.columns(), {}, pollOf(job, "filling the experts", 0, 1),
                   [&](const TraceChunk& chunk) -> Expected<void> {
                     simulation.add(chunk);
                     return {};
                   }));
  simulation.endGroup();
  Axis factors{.name = "factor", .labels = {}}, positions{.name = "position", .labels = {}};
  for (double factor : setting.factors) factors.labels.push_back(fmt::format("{:g}", factor));
  for (std::size_t decile = 0; decile < deciles; ++decile) positions.labels.push_back(std::to_string(10 * decile + 5));
  Result result{.axes = {std::move(factors), layerAxis(counted.info), std::move(positions), expertAxis(counted.info)},
                .facts = traceFacts(counted, "load.capacity")};
  TRY_DO(addDrops(result, counted, setting, simulation, drawsOf(set, job), job));
  addObserved(result, counted);
  return one("result", std::move(result), traceSummary(counted));
}

}  // namespace

const Operation loadCapacity{describe, estimate, run};

}  // namespace moescope
