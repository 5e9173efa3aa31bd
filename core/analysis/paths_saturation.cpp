// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "core/analysis/aligned_traces.h"
#include "core/analysis/operations.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Description describe() {
  return {
      .id = "paths.saturation",
      .title = "Router saturation",
      .help =
          "How early routing takes its final form: the experts of every token at each snapshot against those at the "
          "last one, mean over tokens of |S and S_last| / k, at the least k / E by chance (Muennighoff et al. 2024, "
          "OLMoE). Beside it the share of tokens whose first choice is the final one, the change from the snapshot "
          "before, and the share of tokens whose first choice has settled: it is the final one here and at every "
          "later snapshot (Dai et al. 2022, StableMoE). Needs traces of the same tokens. Intervals are 95 % "
          "percentile intervals over resampled documents.",
      .page = "Paths",
      .in = {{.name = "traces",
              .kind = Kind::trace,
              .many = true,
              .help = "traces of the snapshots in their order, the last one the final model's; at least two"}},
      .out = {{"result", Kind::result}},
      .parameters = withTraceFilters(
          {list("steps", Json::array(),
                "a number for each trace (training steps, or % of training) for the axis; empty takes their names"),
           integer("draws", 1000, 0, 10000, "", "document resamples behind the intervals; 0 leaves them out"),
           integer("seed", 0, 0, 1e9, "", "of the resampling").secondary()}),
      .figures = {lines("saturation", {"saturation"})
                      .over({"snapshot", "layer"})
                      .floor("baseline")
                      .option("floor_words", "k / E, experts at random")
                      .option("names", {{"saturation", "share of the final experts"}})
                      .titled("Router saturation"),
                  lines("first", {"saturation_first"})
                      .over({"snapshot", "layer"})
                      .floor("baseline")
                      .option("floor_words", "1 / E, experts at random")
                      .option("names", {{"saturation_first", "tokens with the final first choice"}})
                      .titled("Saturation of the first choice"),
                  lines("change", {"change"})
                      .over({"snapshot", "layer"})
                      .option("names", {{"change", "experts changed since the snapshot before"}})
                      .titled("Router change rate"),
                  lines("settled", {"settled"})
                      .over({"snapshot", "layer"})
                      .option("names", {{"settled", "tokens that keep their first choice from here on"}})
                      .titled("Tokens that have settled"),
                  heatMap("layers", "saturation")
                      .over({"layer", "snapshot"})
                      .scale("sequential")
                      .titled("Router saturation by layer and snapshot")},
      .example =
          "moescope-cli run paths.saturation --study S --in traces=t100 --in traces=t200 --in traces=t300 "
          "--set steps=[100,200,300] --name rs"};
}

Expected<std::vector<Trace>> openAll(std::span<const Artifact> artifacts) {
  std::vector<Trace> traces;
  for (const Artifact& artifact : artifacts) {
    TRY(trace, Trace::open(artifact.path));
    traces.push_back(std::move(trace));
  }
  return traces;
}

// Layers and experts are those of the last trace.
Expected<void> checkAlike(std::span<const Artifact> artifacts, std::span<const Trace> traces) {
  const std::vector<TraceLayer>& last = traces.back().info().layers;
  for (std::size_t at = 0; at + 1 < traces.size(); ++at) {
    const std::vector<TraceLayer>& layers = traces[at].info().layers;
    if (layers.size() != last.size())
      return usageError(fmt::format("{} has {} layers with experts and {} has {}: give snapshots of one model",
                                    artifacts[at].title(), layers.size(), artifacts.back().title(), last.size()));
    for (std::size_t layer = 0; layer < last.size(); ++layer)
      if (layers[layer].numExperts != last[layer].numExperts)
        return usageError(fmt::format(
            "layer {} of {} has {} experts and that of {} has {}: give snapshots of one model", layer,
            artifacts[at].title(), layers[layer].numExperts, artifacts.back().title(), last[layer].numExperts));
  }
  return {};
}

Expected<std::vector<std::string>> labels(std::span<const Artifact> artifacts, const Parameters& set) {
  const Json& steps = set.value("steps");
  std::vector<std::string> names;
  if (steps.empty())
    for (const Artifact& artifact : artifacts) names.push_back(artifact.title());
  for (const Json& step : steps) {
    if (!step.is_number()) return usageError(fmt::format("steps holds {}, which is no number", step.dump()));
    names.push_back(fmt::format("{}", step.get<double>()));
  }
  if (names.size() != artifacts.size())
    return usageError(
        fmt::format("steps holds {} numbers for {} traces: give one for each", names.size(), artifacts.size()));
  return names;
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  const std::span<const Artifact> artifacts = inputs.all("traces");
  if (artifacts.size() < 2)
    return usageError("paths.saturation needs two traces or more: --in traces=A --in traces=B, the last one the final");
  TRY_DO(labels(artifacts, set));
  TRY(info, inspectTrace(artifacts.back(), set));
  TRY(traces, openAll(artifacts));
  TRY_DO(checkAlike(artifacts, traces));
  TRY(reading, readingCost(artifacts.back(), 0));
  Cost cost = countingCost(info, set.integer("draws"));
  cost.memory += reading.memory * artifacts.size();
  cost.seconds += 2 * reading.seconds * static_cast<double>(artifacts.size());
  return cost;
}

// Sums over tokens, one block of cells a snapshot.
enum Cell : std::size_t { common, smaller, sameFirst, settled, changedCommon, changedSmaller, tokens, cells };

class LayerPass {
 public:
  LayerPass(const CountedTrace& counted, std::size_t snapshots) : snapshots_(snapshots), rowOf_(documentRows(counted)) {
    documents.cells = static_cast<std::int64_t>(cells * snapshots);
    documents.values.resize(static_cast<std::size_t>(counted.documents() * documents.cells));
  }

  void add(std::span<const TraceChunk> chunks) {
    const TraceChunk& last = chunks.back();
    for (std::size_t token = 0; token < last.tokens(); ++token) {
      double* const row = documents.values.data() + rowOf_[last.document[token]] * documents.cells;
      bool settledSoFar = true;
      for (std::size_t at = snapshots_; at-- > 0;) {
        double* const cell = row + at * cells;
        const Overlap overlap = compare(chunks[at], last, token);
        cell[common] += overlap[SetOverlap::common];
        cell[smaller] += overlap[SetOverlap::smaller];
        cell[sameFirst] += overlap[SetOverlap::sameFirst];
        settledSoFar = settledSoFar && overlap[SetOverlap::sameFirst] > 0;
        cell[settled] += settledSoFar ? 1 : 0;
        cell[tokens] += 1;
        if (at == 0) continue;
        const Overlap before = compare(chunks[at - 1], chunks[at], token);
        cell[changedCommon] += before[SetOverlap::common];
        cell[changedSmaller] += before[SetOverlap::smaller];
      }
    }
  }

  DocumentSums documents;

 private:
  using Overlap = std::array<double, SetOverlap::cells>;
  static std::span<const std::uint16_t> experts(const TraceChunk& chunk, std::size_t token) {
    const std::vector<std::uint16_t>& all = chunk.layers.front().expert;
    const std::size_t columns = all.size() / chunk.tokens();
    return std::span(all).subspan(token * columns, columns);
  }
  static Overlap compare(const TraceChunk& one, const TraceChunk& other, std::size_t token) {
    Overlap row{};
    addOverlap(experts(one, token), experts(other, token), {}, row);
    return row;
  }

  std::size_t snapshots_;
  std::vector<std::int64_t> rowOf_;
};

// The shares that the sums of one snapshot give.
struct Shares {
  double saturation, first, change, settled;
};

double share(double part, double whole) {
  return whole > 0 ? part / whole : nan;
}

Shares sharesOf(std::span<const double> sums) {
  return {share(sums[common], sums[smaller]), share(sums[sameFirst], sums[tokens]),
          1 - share(sums[changedCommon], sums[changedSmaller]), share(sums[settled], sums[tokens])};
}

// Everything over [snapshot, layer].
struct Measured {
  struct Value {
    std::vector<double> value, low, high;
  };
  explicit Measured(std::size_t cellsOf)
      : saturation(sized(cellsOf)), first(sized(cellsOf)), change(sized(cellsOf)), settled(sized(cellsOf)) {}
  static Value sized(std::size_t count) {
    return {std::vector<double>(count, nan), std::vector<double>(count, nan), std::vector<double>(count, nan)};
  }
  Value saturation, first, change, settled;
};

Expected<void> measureLayer(Measured& measured, const LayerPass& pass, std::size_t layer, std::size_t layers,
                            std::size_t snapshots, const Draws& draws, const Poll& poll) {
  const DocumentSums& documents = pass.documents;
  std::vector<double> sums(static_cast<std::size_t>(documents.cells));
  for (std::size_t at = 0; at < documents.values.size(); ++at) sums[at % sums.size()] += documents.values[at];
  const bool resampled = draws.count > 0 && documents.documents() > 1;
  std::vector<Shares> drawn(resampled ? snapshots * draws.count : 0);
  if (resampled)
    TRY_DO(resampleSums(
        documents, draws,
        [&](std::int64_t draw, std::span<const double> of) {
          for (std::size_t at = 0; at < snapshots; ++at)
            drawn[at * draws.count + draw] = sharesOf(of.subspan(at * cells, cells));
        },
        poll));
  for (std::size_t at = 0; at < snapshots; ++at) {
    const std::size_t cell = at * layers + layer;
    const Shares of = sharesOf(std::span(sums).subspan(at * cells, cells));
    const auto put = [&](Measured::Value& into, double Shares::*member) {
      into.value[cell] = of.*member;
      std::vector<double> draw;
      for (std::size_t i = at * draws.count; resampled && i < (at + 1) * draws.count; ++i)
        draw.push_back(drawn[i].*member);
      const Interval interval = percentileInterval(draw);
      into.low[cell] = interval.low;
      into.high[cell] = interval.high;
    };
    put(measured.saturation, &Shares::saturation);
    put(measured.first, &Shares::first);
    put(measured.change, &Shares::change);
    put(measured.settled, &Shares::settled);
  }
  return {};
}

void addMeasured(Result& result, Measured measured, const TraceInfo& info, std::size_t snapshots, bool resampled) {
  std::vector<double> chance, chanceFirst;
  for (std::size_t at = 0; at < snapshots; ++at)
    for (const TraceLayer& layer : info.layers) {
      chance.push_back(static_cast<double>(layer.topK) / static_cast<double>(layer.numExperts));
      chanceFirst.push_back(1 / static_cast<double>(layer.numExperts));
    }
  const auto add = [&](const char* name, Measured::Value& of, std::vector<double> baseline, const char* help) {
    Array& array = result.add(name, "", {"snapshot", "layer"}, std::move(of.value));
    array.help = help;
    array.baseline = std::move(baseline);
    if (!resampled) return;
    array.low = std::move(of.low);
    array.high = std::move(of.high);
  };
  add("saturation", measured.saturation, std::move(chance),
      "Sum over tokens of |S and S_last| over the sum of the smaller set's size (k): 1 at the last snapshot. By chance "
      "k / E.");
  add("saturation_first", measured.first, std::move(chanceFirst),
      "Share of the tokens whose first choice is that of the last snapshot. By chance 1 / E.");
  add("change", measured.change, {},
      "Share of a token's experts that it did not have at the snapshot before, 1 - overlap; none for the first one.");
  add("settled", measured.settled, {},
      "Share of the tokens whose first choice is the final one at this and every later snapshot of those given: the "
      "last "
      "change lies before it.");
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  const std::span<const Artifact> artifacts = inputs.all("traces");
  if (artifacts.size() < 2) return usageError("paths.saturation needs two traces or more, the last one the final");
  TRY(names, labels(artifacts, set));
  TRY(counted, countTrace(artifacts.back(), set, false, job));
  TRY(traces, openAll(artifacts));
  TRY_DO(checkAlike(artifacts, traces));
  for (std::size_t at = 0; at + 1 < traces.size(); ++at) {
    TRY(difference, firstDifference(traces.back(), artifacts.back().title(), traces[at], artifacts[at].title(),
                                    pollOf(job, "comparing the tokens", at, traces.size())));
    if (!difference.empty())
      return usageError(
          fmt::format("the traces do not hold the same tokens: {}. Capture every snapshot on the same "
                      "corpus with the same tokens and length",
                      difference));
  }
  TRY(filter, traceFilter(traces.back().info(), set));
  const Draws draws = drawsOf(set, job);
  const std::size_t layers = counted.info.layers.size(), snapshots = traces.size();
  Measured measured(snapshots * layers);
  for (std::size_t layer = 0; layer < layers; ++layer) {
    LayerPass pass(counted, snapshots);
    const Poll poll = pollOf(job, "comparing the snapshots", layer, layers);
    TRY_DO(eachAligned(
        traces, filter, {static_cast<int>(layer)}, [&](double done) { return poll(done / 2); },
        [&](std::span<const TraceChunk> chunks) -> Expected<void> {
          pass.add(chunks);
          return {};
        }));
    TRY_DO(measureLayer(measured, pass, layer, layers, snapshots, draws,
                        [&](double done) { return poll((1 + done) / 2); }));
  }
  Result result{.axes = {{"snapshot", std::move(names)}, layerAxis(counted.info)},
                .facts = traceFacts(counted, "paths.saturation")};
  addMeasured(result, std::move(measured), counted.info, snapshots, draws.count > 0 && counted.documents() > 1);
  Json summary = traceSummary(counted);
  summary["snapshots"] = snapshots;
  return one("result", std::move(result), std::move(summary));
}

}  // namespace

const Operation pathsSaturation{describe, estimate, run};

}  // namespace moescope
