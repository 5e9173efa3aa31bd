// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/analysis/domain_information.h"
#include "core/analysis/operations.h"
#include "core/analysis/position_table.h"
#include "core/analysis/share_null.h"
#include "core/statistics/counter_random.h"
#include "core/statistics/draws.h"
#include "core/statistics/multiple_testing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double discovery = 0.05;

Description describe() {
  return {
      .id = "specialise.position",
      .title = "Position specialisation",
      .help =
          "Which experts take the beginnings and the ends of documents. Documents are cut into equal parts; share is "
          "the expert's part of the assignments there, lift that over its share of the whole layer. The null turns "
          "every document's parts round by a random offset, which leaves runs of like tokens together; q is "
          "Benjamini and Hochberg's over all layers, parts and experts. Beside it the distance from the start of "
          "the model's window (0, 1, 2-3, 4-7, ... tokens), where attention has little to look at. Intervals are "
          "95 % percentile intervals over resampled documents.",
      .page = "Specialisation",
      .in = {{"trace", Kind::trace}},
      .out = {{"result", Kind::result}},
      .parameters =
          withTraceFilters({integer("bins", 10, 2, 200, "", "equal parts of a document"),
                            integer("draws", 200, 0, 10000, "",
                                    "turned and resampled sets of documents; 0 leaves q, null and intervals out"),
                            integer("seed", 0, 0, 1e9, "", "of the turning and the resampling").secondary()}),
      .figures = {heatMap("lift", "lift")
                      .over({"part", "expert"})
                      .at("layer")
                      .scale("log2 around 1")
                      .option("grey_above", {{"value", "q"}, {"at", discovery}})
                      .titled("Experts by place in the document"),
                  lines("information", {"information"})
                      .over({"layer"})
                      .floor("baseline")
                      .option("floor_words", "what turned documents give")
                      .titled("What routing tells about the place"),
                  lines("share", {"share"}).over({"part", "expert"}).at("layer").titled("Shares over the document"),
                  heatMap("window", "lift_by_distance")
                      .over({"distance", "expert"})
                      .at("layer")
                      .scale("log2 around 1")
                      .greyWithinBaseline()
                      .titled("Experts by distance from the window's start")},
      .example = "moescope-cli run specialise.position --study S --in trace=t --set bins=20 --name sp"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  TRY(trace, Trace::open(inputs.at("trace").path));
  double most = 0, cells = 0;
  const auto rows = static_cast<double>(positionGrid(info, set.integer("bins")).rows());
  for (const TraceLayer& layer : info.layers) {
    most = std::max(most, static_cast<double>(layer.numExperts));
    cells += rows * static_cast<double>(layer.numExperts);
  }
  const auto documents = static_cast<double>(info.documents.size()), draws = static_cast<double>(set.integer("draws"));
  return Cost{
      .bytes = static_cast<std::uint64_t>(8 * 8 * cells) + (1u << 16),
      .memory = static_cast<std::uint64_t>(4 * documents * rows * most + 16 * draws * rows * most) + (64u << 20),
      .seconds = 0.3 + 1e-7 * static_cast<double>(trace.tokens()) * static_cast<double>(info.layers.size()) +
                 2e-9 * draws * documents * cells};
}

// One layer: tables [part, expert] and [distance, expert].
struct LayerPlaces {
  std::vector<double> share, lift, low, high, p;
  std::vector<double> distanceShare, distanceLift, distanceLow, distanceHigh;
  double information = nan, null = nan, informationP = nan;
  Interval interval{nan, nan};
};

// Shares within rows, then over the whole table's.
std::vector<double> sharesOf(std::span<const double> table, std::size_t experts) {
  const TableMargins sums = marginsOf(table, experts);
  std::vector<double> shares(table.size(), nan);
  for (std::size_t at = 0; at < table.size(); ++at)
    if (sums.row[at / experts] > 0) shares[at] = table[at] / sums.row[at / experts];
  return shares;
}
std::vector<double> liftsOf(std::span<const double> table, std::size_t experts) {
  const TableMargins sums = marginsOf(table, experts);
  std::vector<double> lifts = sharesOf(table, experts);
  for (std::size_t at = 0; at < table.size(); ++at)
    lifts[at] = sums.column[at % experts] > 0 ? lifts[at] / (sums.column[at % experts] / sums.total) : nan;
  return lifts;
}

Expected<void> addIntervals(LayerPlaces& layer, const PositionTable& table, const PositionGrid& grid,
                            const Draws& draws, const Poll& poll) {
  const std::size_t parts = grid.bins * table.experts, width = table.rows * table.experts;
  DocumentTable documents{.cells = static_cast<std::int64_t>(width)};
  for (std::size_t document = 0; document < table.documents(); ++document) {
    documents.counts.push_back(table.of(document));
    documents.group.push_back(0);
  }
  std::vector<double> drawn(width * static_cast<std::size_t>(draws.count)), information(draws.count);  // [cell, draw]
  TRY_DO(resampleDocuments(
      documents, draws,
      [&](std::int64_t draw, std::span<const double> sums) {
        information[draw] = domainInformation(sums.first(parts), table.experts);
        std::vector<double> lifts = liftsOf(sums.first(parts), table.experts);
        const std::vector<double> more = liftsOf(sums.subspan(parts), table.experts);
        lifts.insert(lifts.end(), more.begin(), more.end());
        for (std::size_t cell = 0; cell < width; ++cell) drawn[cell * draws.count + draw] = lifts[cell];
      },
      poll));
  for (std::size_t cell = 0; cell < width; ++cell) {
    const Interval interval = percentileInterval(std::span(drawn).subspan(cell * draws.count, draws.count));
    (cell < parts ? layer.low : layer.distanceLow).push_back(interval.low);
    (cell < parts ? layer.high : layer.distanceHigh).push_back(interval.high);
  }
  layer.interval = percentileInterval(information);
  return {};
}

// Every document's parts, turned round.
Expected<void> addNull(LayerPlaces& layer, const PositionTable& table, const std::vector<double>& observed,
                       const PositionGrid& grid, const Draws& draws, const Poll& poll) {
  ShareNull null(observed, table.experts);
  std::vector<double> information(draws.count);
  TRY_DO(eachDraw(draws, poll, [&] {
    return [&, sums = std::vector<double>()](std::int64_t draw) mutable {
      sums.assign(observed.size(), 0);
      CounterRandom random(draws.seed ^ 0x7475726e65640000ull, static_cast<std::uint64_t>(draw));
      for (std::size_t document = 0; document < table.documents(); ++document) {
        const std::size_t offset = random.below(grid.bins) * table.experts;
        const std::uint32_t* counts = table.of(document);
        for (std::size_t at = 0; at + offset < observed.size(); ++at) sums[at + offset] += counts[at];
        for (std::size_t at = observed.size() - offset; at < observed.size(); ++at)
          sums[at + offset - observed.size()] += counts[at];
      }
      null.add(sums);
      information[draw] = domainInformation(sums, table.experts);
    };
  }));
  const double ways = std::pow(static_cast<double>(grid.bins), -static_cast<double>(table.documents()));
  layer.p = null.p(draws.count, std::vector<double>(grid.bins, std::max(ways, 1e-300)));
  layer.null = std::accumulate(information.begin(), information.end(), 0.0) / static_cast<double>(draws.count);
  const auto asMuch =
      std::ranges::count_if(information, [&](double value) { return value >= layer.information - 1e-12; });
  layer.informationP = (1 + static_cast<double>(asMuch)) / (1 + static_cast<double>(draws.count));
  return {};
}

Expected<LayerPlaces> measure(const PositionTable& table, const PositionGrid& grid, const Draws& draws, Job& job,
                              std::size_t part, std::size_t parts) {
  const std::size_t width = table.rows * table.experts, own = grid.bins * table.experts;
  std::vector<double> sums(width);
  for (std::size_t at = 0; at < table.counts.size(); ++at) sums[at % width] += table.counts[at];
  const std::vector<double> observed(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(own)),
      distances(sums.begin() + static_cast<std::ptrdiff_t>(own), sums.end());
  LayerPlaces layer{.share = sharesOf(observed, table.experts),
                    .lift = liftsOf(observed, table.experts),
                    .low = {},
                    .high = {},
                    .p = std::vector<double>(own, nan),
                    .distanceShare = sharesOf(distances, table.experts),
                    .distanceLift = liftsOf(distances, table.experts),
                    .distanceLow = {},
                    .distanceHigh = {},
                    .information = domainInformation(observed, table.experts)};
  if (draws.count == 0 || table.documents() < 2) return layer;
  TRY_DO(addNull(layer, table, observed, grid, draws, pollOf(job, "turning documents", part, parts)));
  TRY_DO(addIntervals(layer, table, grid, draws, pollOf(job, "resampling documents", part + 1, parts)));
  return layer;
}

using Layers = std::vector<LayerPlaces>;

void addLift(Result& result, const TraceInfo& info, const Layers& layers, const std::string& name, const Axis& rows,
             std::vector<double> LayerPlaces::*of, std::vector<double> LayerPlaces::*low,
             std::vector<double> LayerPlaces::*high) {
  const auto table = [&](std::vector<double> LayerPlaces::*which) {
    return paddedByExpert(info, rows.labels.size(), [&](std::size_t layer) { return layers[layer].*which; });
  };
  Array& lift = result.add(name, "x overall share", {"layer", rows.name, "expert"}, table(of));
  lift.baseline.assign(lift.values.size(), 1);
  for (std::size_t cell = 0; cell < lift.values.size(); ++cell)
    if (std::isnan(lift.values[cell])) lift.baseline[cell] = nan;
  if ((layers.front().*low).empty()) return;
  lift.low = table(low);
  lift.high = table(high);
}

template <class Of>
std::vector<double> byLayer(const Layers& layers, Of of) {
  std::vector<double> values;
  for (const LayerPlaces& layer : layers) values.push_back(of(layer));
  return values;
}

void addValues(Result& result, const TraceInfo& info, const Axis& parts, const Axis& distances, const Layers& layers) {
  const bool drawn = !layers.front().low.empty();
  const auto table = [&](const Axis& rows, std::vector<double> LayerPlaces::*which) {
    return paddedByExpert(info, rows.labels.size(), [&](std::size_t layer) { return layers[layer].*which; });
  };
  addLift(result, info, layers, "lift", parts, &LayerPlaces::lift, &LayerPlaces::low, &LayerPlaces::high);
  result.add("q", "", {"layer", "part", "expert"}, benjaminiHochberg(table(parts, &LayerPlaces::p))).help =
      "Benjamini-Hochberg q over all layers, parts and experts, of two-sided p-values where every document's parts are "
      "turned round by a random offset.";
  result.add("share", "of assignments", {"layer", "part", "expert"}, table(parts, &LayerPlaces::share)).help =
      "The expert's share of the assignments of a part of the documents; sums to 1 over experts.";
  Array& information =
      result.add("information", "nats", {"layer"}, byLayer(layers, [](const auto& of) { return of.information; }));
  information.help =
      "I(part; expert), each token one unit. Baseline: mean where every document's parts are turned round by a random "
      "offset.";
  if (drawn) {
    information.baseline = byLayer(layers, [](const auto& of) { return of.null; });
    information.low = byLayer(layers, [](const auto& of) { return of.interval.low; });
    information.high = byLayer(layers, [](const auto& of) { return of.interval.high; });
    result.add("information_p", "", {"layer"}, byLayer(layers, [](const auto& of) { return of.informationP; })).help =
        "Share of the turned sets that tell as much or more, (1 + count) / (1 + draws).";
  }
  addLift(result, info, layers, "lift_by_distance", distances, &LayerPlaces::distanceLift, &LayerPlaces::distanceLow,
          &LayerPlaces::distanceHigh);
  result
      .add("share_by_distance", "of assignments", {"layer", "distance", "expert"},
           table(distances, &LayerPlaces::distanceShare))
      .help = "The expert's share of the assignments at a distance from the start of the model's window.";
}

Axis partAxis(std::size_t bins) {
  Axis axis{.name = "part", .labels = {}};
  const auto percent = [&](std::size_t at) { return 100 * static_cast<double>(at) / static_cast<double>(bins); };
  for (std::size_t bin = 0; bin < bins; ++bin)
    axis.labels.push_back(fmt::format("{:.3g}-{:.3g} %", percent(bin), percent(bin + 1)));
  return axis;
}
Axis distanceAxis(std::size_t distances) {
  Axis axis{.name = "distance", .labels = {"0"}};
  for (std::size_t bin = 1; bin < distances; ++bin) {
    const std::uint64_t first = 1ull << (bin - 1), last = 2 * first - 1;
    axis.labels.push_back(first == last ? std::to_string(first) : fmt::format("{}-{}", first, last));
  }
  return axis;
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  const Artifact& artifact = inputs.at("trace");
  TRY_DO(inspectTrace(artifact, set));
  TRY(trace, Trace::open(artifact.path));
  const TraceInfo& info = trace.info();
  TRY(filter, traceFilter(info, set));
  TRY(lengths, documentLengths(trace, filter, job));
  const PositionGrid grid = positionGrid(info, set.integer("bins"));
  Layers layers;
  for (std::size_t layer = 0; layer < info.layers.size(); ++layer) {
    const std::size_t parts = 3 * info.layers.size();
    TRY(table,
        tabulatePositions(trace, filter, lengths, grid, layer, pollOf(job, "reading a layer", 3 * layer, parts)));
    TRY(measured, measure(table, grid, drawsOf(set, job), job, 3 * layer + 1, parts));
    layers.push_back(std::move(measured));
  }
  const Axis parts = partAxis(grid.bins), distances = distanceAxis(grid.distances);
  Result result{.axes = {layerAxis(info), parts, distances, expertAxis(info)},
                .facts = {{"tokens", lengths.all},
                          {"documents", lengths.documents},
                          {"domains", lengths.domains},
                          {"source", artifact.title()},
                          {"operation", "specialise.position"}}};
  addValues(result, info, parts, distances, layers);
  return one("result", std::move(result),
             {{"tokens", lengths.all}, {"documents", lengths.documents}, {"source", artifact.title()}});
}

}  // namespace

const Operation specialisePosition{describe, estimate, run};

}  // namespace moescope
