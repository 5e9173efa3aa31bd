// SPDX-License-Identifier: GPL-3.0-or-later
#include <limits>
#include <numeric>

#include "core/analysis/counted_trace.h"
#include "core/analysis/operations.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Description describe() {
  return {.id = "load.frequency",
          .title = "Activation frequency",
          .help =
              "How often each expert is chosen: its share of a layer's assignments, f = n / sum n, fair 1/E; at which "
              "rank (the first choice has "
              "the largest weight before any drop), summing to the frequency over ranks; and the share of the combine "
              "weights that it carries "
              "(importance, Shazeer et al. 2017), which falls below the frequency for experts that are mostly second "
              "thoughts or dropped.",
          .page = "Load",
          .in = {{"trace", Kind::trace}},
          .out = {{"result", Kind::result}},
          .parameters = withTraceFilters({}),
          .figures = {heatMap("frequency", "frequency")
                          .over({"layer", "expert"})
                          .scale("sequential")
                          .titled("Activation frequency"),
                      sortedBars("experts", "frequency").over({"expert"}).at("layer").titled("Experts by frequency"),
                      heatMap("ranks", "frequency_by_rank")
                          .over({"rank", "expert"})
                          .at("layer")
                          .scale("sequential")
                          .titled("Frequency by rank of the choice"),
                      heatMap("importance", "importance")
                          .over({"layer", "expert"})
                          .scale("sequential")
                          .titled("Share of the combine weights")},
          .interactive = true,
          .example = "moescope-cli run load.frequency --study S --in trace=t --name lf"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  return countingCost(info, 0);
}

double sum(const std::vector<std::int64_t>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

double share(double part, double whole) {
  return whole > 0 ? part / whole : nan;
}

void addShares(Result& result, const CountedTrace& counted) {
  const auto experts = static_cast<std::size_t>(counted.mostExperts());
  const std::size_t cells = counted.info.layers.size() * experts;
  std::vector<double> frequency(cells, nan), fair(cells, nan), importance(cells, nan);
  for (std::size_t index = 0; index < counted.info.layers.size(); ++index) {
    const LayerCounters& layer = counted.counters.layers[index];
    for (std::size_t e = 0; e < layer.count.size(); ++e) {
      frequency[index * experts + e] = share(static_cast<double>(layer.count[e]), sum(layer.count));
      importance[index * experts + e] = share(static_cast<double>(layer.weight[e]), sum(layer.weight));
      fair[index * experts + e] = 1 / static_cast<double>(layer.experts);
    }
  }
  Array& often = result.add("frequency", "share", {"layer", "expert"}, std::move(frequency));
  often.help =
      "Share of the layer's assignments; sums to 1 over the experts of a layer. The baseline is the fair share 1/E.";
  often.baseline = fair;
  Array& heavy = result.add("importance", "share", {"layer", "expert"}, std::move(importance));
  heavy.help = "Share of the layer's combine weights as applied (0 where capacity dropped the assignment); sums to 1.";
  heavy.baseline = std::move(fair);
}

void addRanks(Result& result, const CountedTrace& counted) {
  const auto experts = static_cast<std::size_t>(counted.mostExperts()),
             ranks = static_cast<std::size_t>(counted.mostColumns());
  std::vector<double> byRank(counted.info.layers.size() * experts * ranks, nan);
  for (std::size_t index = 0; index < counted.info.layers.size(); ++index) {
    const LayerCounters& layer = counted.counters.layers[index];
    for (std::size_t rank = 0; rank < static_cast<std::size_t>(layer.topK); ++rank)
      for (std::size_t e = 0; e < layer.count.size(); ++e)
        byRank[(index * experts + e) * ranks + rank] =
            share(static_cast<double>(layer.rank[rank * layer.count.size() + e]), sum(layer.count));
  }
  result.add("frequency_by_rank", "share", {"layer", "expert", "rank"}, std::move(byRank)).help =
      "Share of the layer's assignments that chose the expert at this rank; sums to frequency over the ranks.";
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(counted, countTrace(inputs.at("trace"), set, true, job));
  Axis ranks{.name = "rank"};
  for (std::int64_t rank = 0; rank < counted.mostColumns(); ++rank) ranks.labels.push_back(std::to_string(rank + 1));
  Result result{.axes = {layerAxis(counted.info), expertAxis(counted.info), std::move(ranks)},
                .facts = traceFacts(counted, "load.frequency")};
  addShares(result, counted);
  addRanks(result, counted);
  return one("result", std::move(result), traceSummary(counted));
}

}  // namespace

const Operation loadFrequency{describe, estimate, run};

}  // namespace moescope
