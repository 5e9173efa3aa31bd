// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/analysis/counted_trace.h"
#include "core/analysis/layer_tables.h"
#include "core/analysis/operations.h"
#include "core/analysis/pair_chance.h"
#include "core/analysis/published_pairs.h"
#include "core/statistics/communities.h"
#include "core/statistics/counter_random.h"
#include "core/statistics/linkage.h"
#include "core/statistics/multiple_testing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double discovery = 0.05;  // false discovery rate
constexpr std::size_t strongestRows = 200;

Description describe() {
  return {
      .id = "paths.coactivation",
      .title = "Co-activation",
      .help =
          "Which experts of a layer the same tokens choose. Conditional is N[i and j] / N[i] (Muennighoff et al. "
          "2024), "
          "not symmetric, its rows sum to k - 1; lift is N[i,j] N / (N[i] N[j]), pmi its logarithm, Jaccard N[i,j] / "
          "(N[i] + N[j] - N[i,j]). Members of a set of k compete, so lift lies below 1 by chance already: excess is "
          "N[i,j] over what sets of this size with these shares would give (conditional Bernoulli, Chen et al. 1994), "
          "1 where two experts ignore each other. p is two-sided, binomial for such sets, hypergeometric (Fisher) "
          "where "
          "tokens have different numbers of experts or null=hypergeometric; tokens count by the design effect of their "
          "documents; q is Benjamini and Hochberg's over all pairs of all layers. The tree is average linkage of (E + "
          "1) "
          "/ (N[i,j] + E + 2), E being the expectation, with the optimal leaf order of Bar-Joseph et al. 2001; "
          "communities maximise modularity of N[i,j] (Blondel et al. 2008), whose floor is that of pairs drawn at "
          "random.",
      .page = "Paths",
      .in = {{"trace", Kind::trace}},
      .out = {{"result", Kind::result}},
      .parameters = withTraceFilters(
          {choice("null", "sets",
                  {{"sets", "sets of k experts with these shares"},
                   {"hypergeometric", "each pair by itself, as Fisher's exact test"}},
                  "what chance alone would give"),
           integer("draws", 20, 0, 1000, "", "random networks behind the floor of modularity").secondary(),
           integer("seed", 0, 0, 1e9, "", "of these draws").secondary(),
           flag("published", false,
                "adds the matrix as OLMoE's script counts it: neighbours in the order of their weights only, the 16 "
                "experts of the strongest pairs")
               .secondary()}),
      .figures = {matrixWithTree("coactivation", "excess", "linkage")
                      .over({"expert", "expert"})
                      .at("layer")
                      .scale("log2 around 1")
                      .option("grey_above", {{"value", "q"}, {"at", discovery}})
                      .option("groups", "community")
                      .option("names", {{"excess", "tokens with both"}})
                      .titled("Experts that are chosen together"),
                  table("pairs", {"pairs"}).titled("Strongest pairs"),
                  lines("communities", {"modularity"})
                      .over({"layer"})
                      .floor("baseline")
                      .option("floor_words", "what pairs at random give")
                      .titled("How far the experts of a layer fall into groups"),
                  matrixWithTree("conditional", "conditional", "linkage")
                      .over({"expert", "expert"})
                      .at("layer")
                      .scale("sequential")
                      .option("groups", "community")
                      .titled("Share of the row's tokens that choose the column too")},
      .interactive = true,
      .example = "moescope-cli run paths.coactivation --study S --in trace=t --name pairs --json"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  Cost cost = countingCost(info, 0);
  for (const TraceLayer& layer : info.layers) {
    const auto experts = static_cast<double>(layer.numExperts);
    cost.bytes += static_cast<std::uint64_t>(7 * 8 * experts * experts);
    cost.memory += static_cast<std::uint64_t>(16 * 8 * experts * experts);
    cost.seconds += 1e-8 * experts * experts *
                    (experts + static_cast<double>(layer.topK) * 100 + 10 * static_cast<double>(set.integer("draws")));
  }
  return cost;
}

struct LayerPairs {
  PairChance chance;
  std::vector<Merge> merges;
  Communities communities;
  double floor = nan;
};

// Modularity that the groups found in pairs at random have: counts scatter normally round their expectation.
double modularityFloor(const PairChance& chance, std::int64_t experts, std::int64_t draws, std::uint64_t seed,
                       std::size_t layer) {
  if (draws == 0) return nan;
  const auto count = static_cast<std::size_t>(experts);
  double sum = 0;
  for (std::int64_t draw = 0; draw < draws; ++draw) {
    CounterRandom random(seed, layer * 100003 + static_cast<std::size_t>(draw));
    std::vector<double> weight(count * count);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t j = i + 1; j < count; ++j) {
        const double expected = chance.expected[i * count + j];
        weight[i * count + j] = weight[j * count + i] =
            std::max(0.0, expected + std::sqrt(expected * chance.effect) * random.normal());
      }
    sum += findCommunities(weight, experts).modularity;
  }
  return sum / static_cast<double>(draws);
}

LayerPairs measureLayer(const CountedTrace& counted, std::size_t layer, const Parameters& set) {
  const LayerCounters& of = counted.counters.layers[layer];
  LayerPairs pairs{.chance = pairChance(counted, layer, set.text("null") == "hypergeometric")};
  std::vector<double> distance, weight;
  for (std::size_t cell = 0; cell < of.coactivation.size(); ++cell) {
    const auto together = static_cast<double>(of.coactivation[cell]);
    weight.push_back(together);
    distance.push_back((pairs.chance.expected[cell] + 1) / (together + pairs.chance.expected[cell] + 2));
  }
  for (std::size_t i = 0; i < of.count.size(); ++i) distance[i * of.count.size() + i] = 0;
  pairs.merges = averageLinkage(distance, of.experts);
  orderLeaves(pairs.merges, distance, of.experts);
  pairs.communities = findCommunities(weight, of.experts);
  pairs.floor = modularityFloor(pairs.chance, of.experts, set.integer("draws"),
                                static_cast<std::uint64_t>(set.integer("seed")), layer);
  return pairs;
}

// q over all pairs of all layers, each pair once; [layer] of [E, E].
std::vector<std::vector<double>> discoveries(const std::vector<LayerPairs>& layers, const CountedTrace& counted) {
  std::vector<double> all;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const auto experts = static_cast<std::size_t>(counted.counters.layers[layer].experts);
    for (std::size_t i = 0; i < experts; ++i)
      for (std::size_t j = i + 1; j < experts; ++j) all.push_back(layers[layer].chance.p[i * experts + j]);
  }
  const std::vector<double> q = benjaminiHochberg(all);
  std::vector<std::vector<double>> tables;
  std::size_t next = 0;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const auto experts = static_cast<std::size_t>(counted.counters.layers[layer].experts);
    std::vector<double> table(experts * experts, nan);
    for (std::size_t i = 0; i < experts; ++i)
      for (std::size_t j = i + 1; j < experts; ++j) table[i * experts + j] = table[j * experts + i] = q[next++];
    tables.push_back(std::move(table));
  }
  return tables;
}

struct PairRow {
  std::size_t layer, first, second;
  double count, conditional, reverse, lift, excess, q;
};

void addStrongest(Result& result, const CountedTrace& counted, std::vector<PairRow> rows) {
  // By how far the logarithm is from chance, those that chance explains last.
  const auto strength = [](const PairRow& row) {
    return (row.q <= discovery ? 1e6 : 0) + std::abs(std::log(std::max(row.excess, 1e-6)));
  };
  std::ranges::stable_sort(rows, [&](const PairRow& a, const PairRow& b) { return strength(a) > strength(b); });
  if (rows.size() > strongestRows) rows.resize(strongestRows);
  const auto column = [&](auto of) {
    std::vector<double> cells;
    for (const PairRow& row : rows) cells.push_back(of(row));
    return cells;
  };
  std::vector<std::string> layers;
  for (const PairRow& row : rows) layers.push_back(layerAxis(counted.info).labels[row.layer]);
  result.add("pairs", Table{{{"layer", "", layers},
                             {"expert", "", column([](auto& row) { return static_cast<double>(row.first); })},
                             {"with", "", column([](auto& row) { return static_cast<double>(row.second); })},
                             {"tokens", "", column([](auto& row) { return row.count; })},
                             {"of the first", "%", column([](auto& row) { return 100 * row.conditional; })},
                             {"of the second", "%", column([](auto& row) { return 100 * row.reverse; })},
                             {"lift", "", column([](auto& row) { return row.lift; })},
                             {"excess", "x chance", column([](auto& row) { return row.excess; })},
                             {"q", "", column([](auto& row) { return row.q; })}}});
}

void addPairs(Result& result, const CountedTrace& counted, const std::vector<LayerPairs>& layers) {
  const std::vector<std::vector<double>> q = discoveries(layers, counted);
  LayerTables tables(counted.info, 2);
  const std::vector<std::string> axes{"layer", "expert", "expert"};
  std::vector<double> count = tables.empty(-1), conditional = tables.empty(nan), lift = conditional, chanceLift = lift,
                      pmi = lift, jaccard = lift, excess = lift, significance = lift;
  std::vector<PairRow> rows;
  const auto tokens = static_cast<double>(counted.counters.tokens);
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const LayerCounters& of = counted.counters.layers[layer];
    for (std::size_t i = 0; i < of.count.size(); ++i)
      for (std::size_t j = 0; j < of.count.size(); ++j) {
        const std::size_t from = i * of.count.size() + j, cell = tables.cell(layer, i, j);
        const auto together = static_cast<double>(of.coactivation[from]), a = static_cast<double>(of.count[i]),
                   b = static_cast<double>(of.count[j]);
        count[cell] = together;
        if (i == j || a == 0 || b == 0) continue;
        conditional[cell] = together / a;
        lift[cell] = together * tokens / (a * b);
        chanceLift[cell] = layers[layer].chance.expected[from] * tokens / (a * b);
        pmi[cell] = std::log(lift[cell]);
        jaccard[cell] = together / (a + b - together);
        if (layers[layer].chance.expected[from] > 0) excess[cell] = together / layers[layer].chance.expected[from];
        significance[cell] = q[layer][from];
        if (i < j && std::isfinite(excess[cell]))
          rows.push_back(
              {layer, i, j, together, conditional[cell], together / b, lift[cell], excess[cell], q[layer][from]});
      }
  }
  result.addWhole("count", "tokens", axes, std::move(count)).help =
      "Tokens whose set holds both; the diagonal: tokens of the expert.";
  result.add("conditional", "of the row's tokens", axes, std::move(conditional)).help =
      "N[i and j] / N[i]; uniform routing gives (k - 1) / (E - 1).";
  Array& lifted = result.add("lift", "x independent", axes, std::move(lift));
  lifted.help = "N[i,j] N / (N[i] N[j]). Baseline: the same of what chance gives (the null of this request).";
  lifted.baseline = std::move(chanceLift);
  result.add("pmi", "nats", axes, std::move(pmi)).help = "ln lift; -inf where no token has both.";
  result.add("jaccard", "", axes, std::move(jaccard)).help = "N[i,j] / (N[i] + N[j] - N[i,j]).";
  Array& beyond = result.add("excess", "x chance", axes, std::move(excess));
  beyond.help = "N[i,j] over its expectation under the null of this request; 1 = the two ignore each other.";
  result.add("q", "", axes, std::move(significance)).help =
      "Benjamini and Hochberg's q over all pairs of all layers, tokens counted by their design effect.";
  addStrongest(result, counted, std::move(rows));
}

void addTrees(Result& result, const CountedTrace& counted, const std::vector<LayerPairs>& layers) {
  const auto experts = static_cast<std::size_t>(counted.mostExperts());
  const std::size_t merges = experts > 0 ? experts - 1 : 0;
  std::vector<double> linkage(layers.size() * merges * 4, nan), order(layers.size() * experts, -1),
      community = order, modularity, floor, effect;
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const LayerPairs& pairs = layers[layer];
    for (std::size_t i = 0; i < pairs.merges.size(); ++i) {
      double* row = linkage.data() + (layer * merges + i) * 4;
      row[0] = static_cast<double>(pairs.merges[i].left);
      row[1] = static_cast<double>(pairs.merges[i].right);
      row[2] = pairs.merges[i].height;
      row[3] = static_cast<double>(pairs.merges[i].leaves);
    }
    const std::vector<std::int64_t> leaves = leafOrder(pairs.merges);
    for (std::size_t at = 0; at < leaves.size(); ++at) order[layer * experts + at] = static_cast<double>(leaves[at]);
    for (std::size_t e = 0; e < pairs.communities.of.size(); ++e)
      community[layer * experts + e] = static_cast<double>(pairs.communities.of[e]);
    modularity.push_back(pairs.communities.modularity);
    floor.push_back(pairs.floor);
    effect.push_back(pairs.chance.effect);
  }
  result.axes.push_back({"merge", {}});
  for (std::size_t i = 0; i < merges; ++i) result.axes.back().labels.push_back(std::to_string(i));
  result.axes.push_back({"part", {"left", "right", "height", "leaves"}});
  result.axes.push_back({"place", {}});
  for (std::size_t i = 0; i < experts; ++i) result.axes.back().labels.push_back(std::to_string(i));
  result.add("linkage", "", {"layer", "merge", "part"}, std::move(linkage)).help =
      "As scipy.cluster.hierarchy.dendrogram takes it: nodes below E are experts, merge i makes node E + i.";
  result.addWhole("order", "", {"layer", "place"}, std::move(order)).help =
      "The expert at each place of the drawn matrix.";
  result.addWhole("community", "", {"layer", "expert"}, std::move(community)).help =
      "Group of each expert, 0 the largest.";
  Array& found = result.add("modularity", "", {"layer"}, std::move(modularity));
  found.help = "Share of pairs within groups beyond that of experts with these counts (Newman 2004).";
  if (std::ranges::all_of(floor, [](double each) { return std::isfinite(each); })) found.baseline = std::move(floor);
  result.add("design_effect", "", {"layer"}, std::move(effect)).help =
      "How many tokens weigh as one independent token, from the counts by document.";
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(counted, countTrace(inputs.at("trace"), set, true, job));
  std::vector<LayerPairs> layers;
  for (std::size_t layer = 0; layer < counted.info.layers.size(); ++layer) {
    if (job.cancelled()) return cancelledError();
    job.progress(0.5 + 0.4 * static_cast<double>(layer) / static_cast<double>(counted.info.layers.size()),
                 "ordering the experts");
    layers.push_back(measureLayer(counted, layer, set));
  }
  Result result{.axes = {layerAxis(counted.info), expertAxis(counted.info)},
                .facts = traceFacts(counted, "paths.coactivation")};
  addPairs(result, counted, layers);
  addTrees(result, counted, layers);
  if (set.flag("published")) {
    TRY_DO(addPublishedPairs(result, inputs.at("trace"), set, job));
    result.figures = describe().figures;
    result.figures.push_back(publishedFigure());
  }
  return one("result", std::move(result), traceSummary(counted));
}

}  // namespace

const Operation pathsCoactivation{describe, estimate, run};

}  // namespace moescope
