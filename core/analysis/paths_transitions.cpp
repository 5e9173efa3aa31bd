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
#include "core/analysis/routed_tokens.h"
#include "core/statistics/fixed_size_sets.h"
#include "core/statistics/multiple_testing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double discovery = 0.05;  // false discovery rate
constexpr std::size_t strongestRows = 200;

Description describe() {
  return {
      .id = "paths.transitions",
      .title = "Transitions between layers",
      .help =
          "Which expert of the next layer the tokens of an expert choose. Count is over all k k' pairs of a token's "
          "experts in two layers, which sum to N k k'; reading=weighted weighs each by the product of the combine "
          "weights; reading=rank takes the first with the first, the second with the second, as OLMoE's script "
          "(Muennighoff et al. 2024). Affinity is P(j next | i) (ExFlow, Yao et al. 2024); lift is the count over row "
          "x "
          "column / total, what independent layers give; q is Benjamini and Hochberg's of Fisher's exact test over all "
          "pairs of all layers, tokens counted by the design effect of their documents. Information is I(E; E') in "
          "nats, each token one unit; its floor is what independent layers show by chance, (E - k) (E' - k') / (2 N k "
          "k').",
      .page = "Paths",
      .in = {{"trace", Kind::trace}},
      .out = {{"result", Kind::result}},
      .parameters =
          withTraceFilters({choice("reading", "pairs",
                                   {{"pairs", "all pairs of a token's experts, each one"},
                                    {"weighted", "all pairs, by the product of their combine weights"},
                                    {"rank", "first choice with first choice, second with second"}},
                                   "what counts as a transition"),
                            list("layers", Json::array(),
                                 "MoE layers to follow, rising, such as [0, 7, 15]; empty follows each to the next")}),
      .figures = {sankey("flow", "count")
                      .over({"layer", "expert", "expert"})
                      .option("to", "to_layer")
                      .titled("Where tokens go from layer to layer"),
                  heatMap("lift", "lift")
                      .over({"expert", "expert"})
                      .at("layer")
                      .scale("log2 around 1")
                      .option("grey_above", {{"value", "q"}, {"at", discovery}})
                      .titled("To which expert next (column) from each (row)"),
                  lines("information", {"information"})
                      .over({"layer"})
                      .floor("baseline")
                      .option("floor_words", "what independent layers give")
                      .titled("What an expert tells of the next one"),
                  table("strongest", {"strongest"}).titled("Strongest transitions")},
      .interactive = true,
      .example = "moescope-cli run paths.transitions --study S --in trace=t --set layers=[0,7,15] --name flow"};
}

// From one MoE layer to another, [E, E'].
struct Gap {
  std::size_t from = 0, to = 0, rows = 0, columns = 0;
  std::vector<double> pairs;  // tokens with both
  std::vector<double> flow;   // as the request reads transitions
};

Expected<std::vector<Gap>> gapsOf(const TraceInfo& info, const Parameters& set) {
  std::vector<std::size_t> layers;
  const Json& chosen = set.value("layers");
  const auto count = static_cast<std::int64_t>(info.layers.size());
  for (const Json& each : chosen) {
    const std::int64_t layer = each.is_number_integer() ? each.get<std::int64_t>() : -1;
    if (layer < 0 || layer >= count)
      return usageError(fmt::format("layers names {}; the trace has MoE layers 0 to {}", each.dump(), count - 1));
    if (!layers.empty() && static_cast<std::size_t>(layer) <= layers.back())
      return usageError(fmt::format("layers must rise: {} comes after {}", layer, layers.back()));
    layers.push_back(static_cast<std::size_t>(layer));
  }
  if (chosen.size() == 1) return usageError("layers names one layer; a transition needs two");
  if (layers.empty())
    for (std::size_t layer = 0; layer < info.layers.size(); ++layer) layers.push_back(layer);
  std::vector<Gap> gaps;
  for (std::size_t at = 0; at + 1 < layers.size(); ++at) {
    Gap gap{.from = layers[at], .to = layers[at + 1]};
    gap.rows = static_cast<std::size_t>(info.layers[gap.from].numExperts);
    gap.columns = static_cast<std::size_t>(info.layers[gap.to].numExperts);
    gaps.push_back(std::move(gap));
  }
  return gaps;
}

bool fromCounters(const Parameters& set) {
  return set.text("reading") == "pairs" && set.value("layers").empty();
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  TRY(gaps, gapsOf(info, set));
  Cost cost = countingCost(info, 0);
  TRY(trace, Trace::open(inputs.at("trace").path));
  for (const Gap& gap : gaps) {
    const auto cells = static_cast<double>(gap.rows * gap.columns);
    const auto k = static_cast<double>(info.layers[gap.from].columns() * info.layers[gap.to].columns());
    cost.bytes += static_cast<std::uint64_t>(4 * 8 * cells);
    cost.memory += static_cast<std::uint64_t>(8 * 8 * cells);
    cost.seconds += 1e-7 * cells + (fromCounters(set) ? 0 : 2e-9 * k * static_cast<double>(trace.tokens()));
  }
  return cost;
}

// One token's pairs between the experts of two layers.
void addPairs(Gap& gap, const TraceChunk& chunk, const std::string& reading) {
  const TraceChunk::Layer &a = chunk.layers[gap.from], &b = chunk.layers[gap.to];
  const std::size_t tokens = chunk.tokens();
  if (tokens == 0) return;
  const std::size_t ka = a.expert.size() / tokens, kb = b.expert.size() / tokens;
  const bool weighted = reading == "weighted", ranked = reading == "rank";
  for (std::size_t token = 0; token < tokens; ++token)
    for (std::size_t r = 0; r < ka; ++r) {
      const std::uint16_t i = a.expert[token * ka + r];
      if (i == noExpert) continue;
      for (std::size_t s = 0; s < kb; ++s) {
        const std::uint16_t j = b.expert[token * kb + s];
        if (j == noExpert) continue;
        const std::size_t cell = i * gap.columns + j;
        gap.pairs[cell] += 1;
        if (weighted)
          gap.flow[cell] +=
              static_cast<double>(a.weight[token * ka + r]) * static_cast<double>(b.weight[token * kb + s]);
        else if (!ranked || r == s)
          gap.flow[cell] += 1;
      }
    }
}

Expected<void> countGaps(std::vector<Gap>& gaps, const CountedTrace& counted, const Inputs& inputs,
                         const Parameters& set, Job& job) {
  if (fromCounters(set)) {
    for (Gap& gap : gaps) {
      const std::vector<std::int64_t>& table = counted.counters.layers[gap.from].transition;
      gap.pairs.assign(table.begin(), table.end());
      gap.flow = gap.pairs;
    }
    return {};
  }
  for (Gap& gap : gaps) {
    gap.pairs.assign(gap.rows * gap.columns, 0);
    gap.flow = gap.pairs;
  }
  const std::string& reading = set.text("reading");
  return readRouted(inputs.at("trace"), set, {.columns = Trace::weights, .from = 0.3, .to = 0.8}, job,
                    [&](const TraceChunk& chunk) {
                      for (Gap& gap : gaps) addPairs(gap, chunk, reading);
                    });
}

// What of a table its margins alone give, row x column / total.
std::vector<double> independent(const std::vector<double>& table, std::size_t rows, std::size_t columns) {
  std::vector<double> row(rows), column(columns), expected(table.size());
  double total = 0;
  for (std::size_t cell = 0; cell < table.size(); ++cell) {
    row[cell / columns] += table[cell];
    column[cell % columns] += table[cell];
    total += table[cell];
  }
  for (std::size_t cell = 0; cell < table.size() && total > 0; ++cell)
    expected[cell] = row[cell / columns] * column[cell % columns] / total;
  return expected;
}

double information(const std::vector<double>& table, const std::vector<double>& expected) {
  const double total = std::accumulate(table.begin(), table.end(), 0.0);
  double sum = 0;
  for (std::size_t cell = 0; cell < table.size(); ++cell)
    if (table[cell] > 0) sum += table[cell] / total * std::log(table[cell] / expected[cell]);
  return sum;
}

struct GapValues {
  std::vector<double> expected, p;
  double information = nan, floor = nan, entropy = nan;
};

GapValues measure(const Gap& gap, const CountedTrace& counted) {
  const LayerCounters &a = counted.counters.layers[gap.from], &b = counted.counters.layers[gap.to];
  GapValues values{.expected = independent(gap.flow, gap.rows, gap.columns)};
  const double effect = std::max(designEffect(counted, gap.from), designEffect(counted, gap.to));
  const auto tokens = static_cast<double>(counted.counters.tokens);
  const auto worth = [&](double count) { return static_cast<std::int64_t>(std::llround(count / effect)); };
  for (std::size_t i = 0; i < gap.rows; ++i)
    for (std::size_t j = 0; j < gap.columns; ++j)
      values.p.push_back(a.count[i] == 0 || b.count[j] == 0
                             ? nan
                             : hypergeometricTails(worth(tokens), worth(static_cast<double>(a.count[i])),
                                                   worth(static_cast<double>(b.count[j])),
                                                   worth(gap.pairs[i * gap.columns + j]))
                                   .both());
  values.information = information(gap.pairs, independent(gap.pairs, gap.rows, gap.columns));
  const RoutedTotals from = routedTotals(counted.counters, gap.from), to = routedTotals(counted.counters, gap.to);
  const auto live = [](const LayerCounters& of) {
    return static_cast<double>(std::ranges::count_if(of.count, [](std::int64_t count) { return count > 0; }));
  };
  // Interaction terms have variance u (1 - u) v (1 - v) / N each; the sum over all of them over 2 u v.
  values.floor = std::max(0.0, live(a) - from.chosen()) * std::max(0.0, live(b) - to.chosen()) * effect /
                 (2 * tokens * from.chosen() * to.chosen());
  double entropy = 0;
  for (std::int64_t count : b.count)
    if (count > 0) {
      const double share = static_cast<double>(count) / static_cast<double>(to.assignments);
      entropy -= share * std::log(share);
    }
  values.entropy = entropy;
  return values;
}

void addStrongest(Result& result, const CountedTrace& counted, const std::vector<Gap>& gaps,
                  const std::vector<GapValues>& values, const std::vector<double>& q) {
  struct Row {
    std::size_t gap, i, j;
    double lift, q;
  };
  std::vector<Row> rows;
  std::size_t next = 0;
  for (std::size_t g = 0; g < gaps.size(); ++g)
    for (std::size_t cell = 0; cell < gaps[g].flow.size(); ++cell, ++next)
      if (values[g].expected[cell] > 0 && q[next] <= discovery)
        rows.push_back({g, cell / gaps[g].columns, cell % gaps[g].columns,
                        gaps[g].flow[cell] / values[g].expected[cell], q[next]});
  // By the share of all flow beyond independence: a rare pair's great lift tells little.
  std::vector<std::pair<double, Row>> ranked;
  std::vector<double> totals;
  for (const Gap& gap : gaps) totals.push_back(std::accumulate(gap.flow.begin(), gap.flow.end(), 0.0));
  for (const Row& row : rows) {
    const std::size_t cell = row.i * gaps[row.gap].columns + row.j;
    ranked.emplace_back((gaps[row.gap].flow[cell] - values[row.gap].expected[cell]) / totals[row.gap], row);
  }
  std::ranges::stable_sort(ranked, [](const auto& a, const auto& b) { return a.first > b.first; });
  if (ranked.size() > strongestRows) ranked.resize(strongestRows);
  const Axis layers = layerAxis(counted.info);
  std::vector<std::string> from, to;
  std::vector<double> expert, next_, flow, affinity, lift, significance;
  for (const auto& [beyond, row] : ranked) {
    const Gap& gap = gaps[row.gap];
    const auto begin = gap.flow.begin() + static_cast<std::ptrdiff_t>(row.i * gap.columns);
    from.push_back(layers.labels[gap.from]);
    to.push_back(layers.labels[gap.to]);
    expert.push_back(static_cast<double>(row.i));
    next_.push_back(static_cast<double>(row.j));
    flow.push_back(gap.flow[row.i * gap.columns + row.j]);
    affinity.push_back(100 * flow.back() /
                       std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(gap.columns), 0.0));
    lift.push_back(row.lift);
    significance.push_back(row.q);
  }
  result.add("strongest", Table{{{"layer", "", from},
                                 {"expert", "", expert},
                                 {"next layer", "", to},
                                 {"next expert", "", next_},
                                 {"count", "", flow},
                                 {"of the first's", "%", affinity},
                                 {"lift", "x independent", lift},
                                 {"q", "", significance}}});
}

void addTables(Result& result, const CountedTrace& counted, const std::vector<Gap>& gaps,
               const std::vector<GapValues>& values, const std::string& reading) {
  LayerTables tables(counted.info, 2);
  const bool whole = reading != "weighted";
  std::vector<double> count = tables.empty(whole ? -1 : nan), expected = tables.empty(nan), affinity = expected,
                      lift = expected, significance = expected, to(counted.info.layers.size(), -1),
                      told(counted.info.layers.size(), nan), floor = told, share = told, all;
  for (const GapValues& each : values) all.insert(all.end(), each.p.begin(), each.p.end());
  const std::vector<double> q = benjaminiHochberg(all);
  std::size_t next = 0;
  for (std::size_t g = 0; g < gaps.size(); ++g) {
    const Gap& gap = gaps[g];
    to[gap.from] = static_cast<double>(gap.to);
    told[gap.from] = values[g].information;
    floor[gap.from] = values[g].floor;
    share[gap.from] = values[g].entropy > 0 ? values[g].information / values[g].entropy : nan;
    for (std::size_t i = 0; i < gap.rows; ++i) {
      const auto begin = gap.flow.begin() + static_cast<std::ptrdiff_t>(i * gap.columns);
      const double row = std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(gap.columns), 0.0);
      for (std::size_t j = 0; j < gap.columns; ++j, ++next) {
        const std::size_t from = i * gap.columns + j, cell = tables.cell(gap.from, i, j);
        count[cell] = gap.flow[from];
        expected[cell] = values[g].expected[from];
        if (row > 0) affinity[cell] = gap.flow[from] / row;
        if (expected[cell] > 0) lift[cell] = gap.flow[from] / expected[cell];
        significance[cell] = q[next];
      }
    }
  }
  const std::vector<std::string> axes{"layer", "expert", "expert"};
  Array& flow =
      whole ? result.addWhole("count", reading == "rank" ? "pairs of equal rank" : "pairs", axes, std::move(count))
            : result.add("count", "weight", axes, std::move(count));
  flow.help = "From expert i of the layer to expert j of the layer to_layer, as the reading of this request counts.";
  flow.baseline = std::move(expected);
  result.add("affinity", "of the row", axes, std::move(affinity)).help = "P(j next | i): each row sums to 1.";
  result.add("lift", "x independent", axes, std::move(lift)).help = "Count over row x column / total.";
  result.add("q", "", axes, std::move(significance)).help =
      "Benjamini and Hochberg's q of Fisher's exact test on tokens with both, counted by their design effect.";
  result.addWhole("to_layer", "", {"layer"}, std::move(to)).help = "The layer that each hands on to; -1 = none.";
  Array& information = result.add("information", "nats", {"layer"}, std::move(told));
  information.help = "I(expert; expert of the layer it hands on to), each token one unit of 1/(k k') a pair.";
  information.baseline = std::move(floor);
  result.add("information_share", "of H(next)", {"layer"}, std::move(share)).help =
      "Information over the next layer's entropy.";
  addStrongest(result, counted, gaps, values, q);
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(counted, countTrace(inputs.at("trace"), set, true, job));
  TRY(gaps, gapsOf(counted.info, set));
  if (gaps.empty()) return usageError("the trace has a single layer with experts: it hands nothing on to another");
  TRY_DO(countGaps(gaps, counted, inputs, set, job));
  std::vector<GapValues> values;
  for (const Gap& gap : gaps) {
    if (job.cancelled()) return cancelledError();
    job.progress(0.8 + 0.2 * static_cast<double>(values.size()) / static_cast<double>(gaps.size()), "testing pairs");
    values.push_back(measure(gap, counted));
  }
  Result result{.axes = {layerAxis(counted.info), expertAxis(counted.info)},
                .facts = traceFacts(counted, "paths.transitions")};
  addTables(result, counted, gaps, values, set.text("reading"));
  return one("result", std::move(result), traceSummary(counted));
}

}  // namespace

const Operation pathsTransitions{describe, estimate, run};

}  // namespace moescope
