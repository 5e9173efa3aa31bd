// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "core/analysis/batch_load.h"
#include "core/analysis/counted_trace.h"
#include "core/analysis/layer_load.h"
#include "core/analysis/operations.h"
#include "core/analysis/over_layers.h"
#include "core/analysis/router_losses.h"
#include "core/statistics/proportions.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

const std::vector<std::string> mainMetrics{"cv",   "max_violation", "gini", "entropy", "jain", "effective_experts",
                                           "dead", "cold",          "hot"};

std::vector<Figure> figures() {
  return {heatMap("load", "utilisation")
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
          table("metrics", mainMetrics).option("summary", "mean over layer").titled("Balance"),
          lines("evenness", {"cv", "gini", "max_violation"})
              .over({"layer"})
              .floor("baseline")
              .titled("Unevenness over layers"),
          lines("effective", {"effective_experts"})
              .over({"layer"})
              .floor("baseline")
              .titled("Effective experts over layers"),
          lines("entropy", {"entropy", "jain"}).over({"layer"}).floor("baseline").titled("Evenness over layers"),
          lorenz("lorenz", "count").over({"layer", "expert"}).floor("cv").titled("Lorenz curve of the load"),
          lines("batches", {"max_violation", "max_violation_batch", "max_violation_worst"})
              .over({"layer"})
              .floor("baseline")
              .option("names", {{"max_violation", "whole trace"},
                                {"max_violation_batch", "mean of batches"},
                                {"max_violation_worst", "worst batch"}})
              .titled("MaxVio of the trace and of its batches"),
          lines("decomposition", {"imbalance_static", "imbalance_dynamic"})
              .over({"layer"})
              .floor("baseline")
              .option("names", {{"imbalance_static", "static"},
                                {"imbalance_dynamic", "dynamic"}})
              .titled("What a placement can even out, and what changes from batch to batch"),
          heatMap("ranks", "rank_load").over({"layer", "rank"}).scale("log2 around 1").titled("Load by layer and rank"),
          lines("balancedness", {"balancedness", "balancedness_batch"})
              .over({"layer"})
              .floor("baseline")
              .option("names", {{"balancedness", "whole trace"}, {"balancedness_batch", "mean of batches"}})
              .titled("Balancedness of ranks, mean / max"),
          lines("losses", {"lbl", "lbl_batch"})
              .over({"layer"})
              .line(1, "balanced")
              .option("names", {{"lbl", "whole trace"}, {"lbl_batch", "mean of batches"}})
              .titled("Load-balancing loss, E sum f P"),
          lines("z_loss", {"z_loss"}).over({"layer"}).titled("Router z-loss over layers"),
          histogram("z_histogram", "z_histogram")
              .over({"z"})
              .at("layer")
              .option("names", {{"z", "ln sum exp of the logits"}, {"z_histogram", "share of tokens"}})
              .titled("Log-sum-exp of the router logits"),
          table("over_layers", {"over_layers"}).titled("Every measure over layers, with its convention"),
          table("layers", mainMetrics).over({"layer"}).titled("Balance of each layer")};
}

Description describe() {
  return {.id = "load.balance",
          .version = 2,
          .title = "Load balance",
          .help =
              "How evenly the tokens of a trace spread over the experts of each layer. Utilisation is n E / (N k): 1 "
              "is the fair share, 0 a dead expert; beside it coefficient of variation (Shazeer et al. 2017), MaxVio "
              "of the trace and of its batches (Wang et al. 2024), Gini coefficient, normalised entropy, Jain's index, "
              "effective and dead experts, and the part of the unevenness that stands still against the part that "
              "changes from batch to batch; with logits the load-balancing loss (Fedus et al. 2022) and the z-loss "
              "(Zoph et al. 2022). Intervals are 95 % intervals over resampled documents; near the floor percentile "
              "intervals lie above the value, because resampling adds the unevenness of a sample once more. Floors "
              "are what balanced, independent routing of as many tokens would show: no trace of this length can look "
              "more even.",
          .page = "Load",
          .in = {{"trace", Kind::trace}},
          .out = {{"result", Kind::result}},
          .parameters = withTraceFilters(
              {integer("batch", 4096, 0, 1e9, "tokens",
                       "consecutive tokens of the trace that make a batch, for what is measured by batch; 0 leaves "
                       "it out"),
               integer("ranks", 0, 0, 65536, "",
                       "devices that the experts of a layer are spread over in equal runs (expert parallelism); 0 "
                       "leaves ranks out"),
               integer("draws", 1000, 0, 10000, "", "document resamples behind the intervals; 0 leaves them out"),
               choice("interval", "percentile",
                      {{"percentile", "2.5 % and 97.5 % of the draws (Efron 1979)"},
                       {"bca", "bias-corrected and accelerated (Efron 1987)"}},
                      "how an interval is made of the draws")
                   .secondary(),
               integer("seed", 0, 0, 1e9, "", "of the resampling").secondary()}),
          .figures = figures(),
          .interactive = true,
          .example = "moescope-cli run load.balance --study S --in trace=t --set ranks=8 --name lb --json"};
}

Expected<void> checkRanks(const TraceInfo& info, std::int64_t ranks) {
  for (std::size_t layer = 0; layer < info.layers.size() && ranks > 0; ++layer)
    if (info.layers[layer].numExperts % ranks != 0)
      return usageError(
          fmt::format("ranks is {}, and layer {} has {} experts, which do not lie on so many in equal runs: "
                      "give a divisor of {}",
                      ranks, layer, info.layers[layer].numExperts, info.layers[layer].numExperts));
  return {};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  TRY_DO(checkRanks(info, set.integer("ranks")));
  Cost cost = countingCost(info, set.integer("draws"));
  if (set.integer("batch") > 0) {
    TRY(reading, readingCost(inputs.at("trace"), Trace::logits));
    cost.memory += reading.memory;
    cost.seconds += reading.seconds;
  }
  return cost;
}

// The largest utilisation that an expert's few tokens do not contradict, and how many experts are cold beyond it.
void addBounds(Result& result, const CountedTrace& counted) {
  const auto most = static_cast<std::size_t>(counted.mostExperts());
  std::vector<double> bounds(counted.info.layers.size() * most, nan), cold;
  for (std::size_t layer = 0; layer < counted.info.layers.size(); ++layer) {
    const RoutedTotals totals = routedTotals(counted.counters, layer);
    const double fair = totals.chosen() / static_cast<double>(totals.experts);
    const std::vector<std::int64_t>& count = counted.counters.layers[layer].count;
    double surely = 0;
    for (std::size_t e = 0; e < count.size(); ++e) {
      const double bound = rateBound({static_cast<double>(count[e]), static_cast<double>(totals.tokens)}) / fair;
      bounds[layer * most + e] = bound;
      surely += bound < 0.1 ? 1 : 0;
    }
    cold.push_back(totals.assignments > 0 ? surely : nan);
  }
  result.add("utilisation_bound", "x fair share", {"layer", "expert"}, std::move(bounds)).help =
      "One-sided 95 % upper bound of the expert's utilisation, tokens taken as independent (Clopper and Pearson 1934); "
      "for an expert without a token about 3 / N over the fair rate k / E.";
  result.add("surely_cold", "experts", {"layer"}, std::move(cold)).help =
      "Experts, dead ones included, whose upper bound lies below a tenth of the fair share: enough tokens were seen to "
      "say so.";
}

void addLorenz(Result& result, const CountedTrace& counted) {
  const auto points = static_cast<std::size_t>(counted.mostExperts()) + 1;
  Axis axis{.name = "experts_share", .labels = {}};
  std::vector<double> curves, even;
  for (std::size_t point = 0; point < points; ++point)
    axis.labels.push_back(fmt::format("{:.4g}", static_cast<double>(point) / static_cast<double>(points - 1)));
  for (const LayerCounters& layer : counted.counters.layers) {
    std::vector<double> curve = lorenzCurve(std::vector<double>(layer.count.begin(), layer.count.end()), points);
    curve.resize(points, nan);
    curves.insert(curves.end(), curve.begin(), curve.end());
    for (std::size_t point = 0; point < points; ++point)
      even.push_back(static_cast<double>(point) / static_cast<double>(points - 1));
  }
  result.axes.push_back(std::move(axis));
  Array& array = result.add("lorenz", "", {"layer", "experts_share"}, std::move(curves));
  array.help =
      "Share of the layer's assignments that the least loaded share of its experts gets; the Gini coefficient is "
      "twice the area between it and the diagonal.";
  array.baseline = std::move(even);
}

void addRanks(Result& result, const CountedTrace& counted, std::int64_t ranks) {
  if (ranks == 0)
    return leaveOut(result, {"rank_load", "balancedness", "balancedness_batch", "rank_overload"},
                    "Set ranks to the number of devices that the experts are spread over.");
  Axis axis{.name = "rank", .labels = {}};
  for (std::int64_t rank = 0; rank < ranks; ++rank) axis.labels.push_back(std::to_string(rank));
  result.axes.push_back(std::move(axis));
  std::vector<double> loads;
  for (const LayerCounters& layer : counted.counters.layers) {
    const std::vector<double> folded =
        utilisation(foldToRanks(std::vector<double>(layer.count.begin(), layer.count.end()), ranks));
    loads.insert(loads.end(), folded.begin(), folded.end());
  }
  Array& array = result.add("rank_load", "x fair share", {"layer", "rank"}, std::move(loads));
  array.help = "Assignments to the experts of a rank over the mean of all ranks; experts lie on ranks in equal runs.";
  array.baseline.assign(array.values.size(), 1);
}

Expected<void> addBatches(Result& result, const Inputs& inputs, const Parameters& set, const CountedTrace& counted,
                          const Draws& draws, Job& job) {
  const std::vector<std::string> ofBatches{"max_violation_batch", "max_violation_worst", "imbalance_static",
                                           "imbalance_dynamic"},
      ofLogits{"lbl", "lbl_slots", "lbl_batch", "lbl_hf", "z_loss", "z_histogram"};
  const std::int64_t batch = set.integer("batch");
  if (batch == 0) {
    leaveOut(result, ofBatches, "The parameter batch is 0, so nothing was measured by batch.");
    leaveOut(result, ofLogits, "The parameter batch is 0, so the trace was not read token by token.");
    return {};
  }
  TRY(trace, Trace::open(inputs.at("trace").path));
  TRY(filter, traceFilter(trace.info(), set));
  TRY(loads, measureBatches(trace, filter, counted.counters.tokens, batch, set.integer("ranks"),
                            pollOf(job, "reading batches", 0, 1)));
  addBatchLoads(result, loads, counted, set.integer("ranks"));
  if (!trace.info().hasLogits) {
    leaveOut(result, ofLogits, "This trace holds no router logits; capture it again with logits=true.");
    return {};
  }
  std::vector<RouterLosses> losses;
  for (std::size_t layer = 0; layer < counted.info.layers.size(); ++layer) {
    TRY(of, measureLosses(trace, filter, counted, layer, batch, draws,
                          pollOf(job, "reading logits", layer, counted.info.layers.size())));
    losses.push_back(std::move(of));
  }
  addRouterLosses(result, losses, counted);
  return {};
}

std::vector<StatedValue> stated(const std::vector<LoadMetric>& metrics) {
  std::vector<StatedValue> all;
  for (const LoadMetric& metric : metrics) all.push_back({metric.name, metric.convention});
  all.insert(all.end(), {{"surely_cold", "95 % bound below 0.1 x fair share"},
                         {"max_violation_batch", "max / mean - 1 of a batch, mean over batches (MaxVio batch)"},
                         {"max_violation_worst", "max / mean - 1, largest over batches"},
                         {"imbalance_static", "part of CV^2 between experts"},
                         {"imbalance_dynamic", "part of CV^2 within experts over batches"},
                         {"balancedness_batch", "mean / max over ranks of a batch, mean over batches"},
                         {"lbl", "E sum f P, f sums to 1: balanced 1; whole trace"},
                         {"lbl_slots", "f sums to k: balanced k (transformers), each layer alone"},
                         {"lbl_batch", "f sums to 1; mean over batches"},
                         {"z_loss", "mean of (ln sum exp z)^2"}});
  return all;
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(counted, countTrace(inputs.at("trace"), set, false, job));
  TRY_DO(checkRanks(counted.info, set.integer("ranks")));
  LoadRequest request{loadMetrics(), drawsOf(set, job), set.text("interval") == "bca"};
  if (set.integer("ranks") > 0)
    for (LoadMetric& metric : rankMetrics(set.integer("ranks"))) request.metrics.push_back(std::move(metric));
  TRY(loads, measureLoads(counted, request, job));
  Result result{.axes = {layerAxis(counted.info), expertAxis(counted.info)},
                .facts = traceFacts(counted, "load.balance")};
  addLoads(result, counted, loads, request.metrics);
  addBounds(result, counted);
  addLorenz(result, counted);
  addRanks(result, counted, set.integer("ranks"));
  TRY_DO(addBatches(result, inputs, set, counted, request.draws, job));
  addOverLayers(result, "over_layers", stated(request.metrics));
  return one("result", std::move(result), traceSummary(counted));
}

}  // namespace

const Operation loadBalance{describe, estimate, run};

}  // namespace moescope
