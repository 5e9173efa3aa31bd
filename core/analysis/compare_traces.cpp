// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/analysis/operations.h"
#include "core/analysis/over_layers.h"
#include "core/analysis/trace_comparison.h"
#include "core/statistics/multiple_testing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double discovery = 0.05;  // false discovery rate
constexpr std::size_t strongestRows = 200;
const std::vector<std::string> ofPairs{"overlap", "jaccard", "same_set",         "same_first",
                                       "change",  "chance",  "overlap_by_domain"};

Description describe() {
  return {.id = "compare.traces",
          .title = "Compare two traces",
          .help =
              "Two traces side by side: of two snapshots, of a model before and after a change, of two routers. On the "
              "same tokens: how many of a token's experts are the same, |S1 and S2| / min(|S1|, |S2|), against what "
              "two independent routings of the same popularity would share, and the change rate 1 - overlap. For every "
              "layer and expert the difference of utilisation, second - first, with its interval over documents that "
              "are resampled for both alike, and q of Benjamini and Hochberg over all layers and experts (Student's t "
              "of the difference). Experts are compared by their numbers; match=overlap first pairs those that serve "
              "most tokens together. Traces of other tokens are compared unpaired with paired=false, with the "
              "difference of the share of tokens and Newcombe's interval beside.",
          .page = "Compare",
          .in = {{.name = "first", .kind = Kind::trace, .help = "the trace that differences are taken from"},
                 {.name = "second", .kind = Kind::trace, .help = "the trace that is compared with it"}},
          .out = {{"result", Kind::result}},
          .parameters = withTraceFilters(
              {flag("paired", true, "both traces hold the same tokens; false compares whatever they hold"),
               choice("match", "none",
                      {{"none", "expert 3 is compared with expert 3"},
                       {"overlap", "experts are paired that the same tokens chose most often (paired traces alone)"}},
                      "which experts of the two models belong together"),
               integer("draws", 1000, 0, 10000, "", "document resamples behind intervals and q; 0 leaves them out"),
               integer("seed", 0, 0, 1e9, "", "of the resampling").secondary()}),
          .figures =
              {heatMap("difference", "difference")
                   .over({"layer", "expert"})
                   .scale("diverging around 0")
                   .option("grey_above", {{"value", "q"}, {"at", discovery}})
                   .titled("Difference of load, second - first"),
               sortedBars("experts", "difference")
                   .over({"expert"})
                   .at("layer")
                   .line(0, "no difference")
                   .titled("Experts by difference of load"),
               lines("overlap", {"overlap"})
                   .over({"layer"})
                   .floor("baseline")
                   .option("floor_words", "independent routings of the same popularity")
                   .option("names", {{"overlap", "experts in common"}})
                   .titled("Experts that both traces choose"),
               lines("same", {"same_set", "same_first"})
                   .over({"layer"})
                   .option("names", {{"same_set", "the same experts"}, {"same_first", "the same first choice"}})
                   .titled("Tokens routed alike"),
               lines("domains", {"overlap_by_domain"})
                   .over({"layer", "domain"})
                   .option("names", {{"overlap_by_domain", "experts in common"}})
                   .titled("Experts in common by domain"),
               lines("divergence", {"divergence"}).over({"layer"}).titled("Divergence of the loads (Jensen-Shannon)"),
               table("strongest", {"strongest"}).titled("Largest differences"),
               table("over_layers", {"over_layers"}).titled("Every measure over layers, with its convention")},
          .example = "moescope-cli run compare.traces --study S --in first=before --in second=after --name ct"};
}

Expected<void> checkAlike(const Inputs& inputs, const TraceInfo& first, const TraceInfo& second,
                          const Parameters& set) {
  if (!set.flag("paired") && set.text("match") != "none")
    return usageError("match=overlap needs to see the same tokens in both traces: leave paired as it is");
  if (first.layers.size() == second.layers.size()) return {};
  return usageError(
      fmt::format("{} has {} layers with experts and {} has {}: layers are compared in their order, so "
                  "both need as many",
                  inputs.at("first").title(), first.layers.size(), inputs.at("second").title(), second.layers.size()));
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(first, inspectTrace(inputs.at("first"), set));
  TRY(second, inspectTrace(inputs.at("second"), set));
  TRY_DO(checkAlike(inputs, first, second, set));
  Cost cost = countingCost(first, 2 * set.integer("draws"));
  cost.memory += countingCost(second, 0).memory;
  for (const char* port : {"first", "second"}) {
    if (!set.flag("paired")) break;
    TRY(reading, readingCost(inputs.at(port), 0));
    cost.memory += reading.memory;
    cost.seconds += 2 * reading.seconds;
  }
  return cost;
}

// What was found, layer by layer; agreement and numbers are empty for unpaired traces and for unmatched experts.
struct Found {
  std::vector<ExpertNumbers> numbers;
  std::vector<LayerAgreement> agreement;
  std::vector<LayerDifference> differences;
};

Expected<Found> compare(const Inputs& inputs, const Parameters& set, const CountedTrace& first,
                        const CountedTrace& second, Job& job) {
  Found found;
  const bool paired = set.flag("paired");
  if (paired) {
    std::vector<Trace> pair;
    for (const char* port : {"first", "second"}) {
      TRY(trace, Trace::open(inputs.at(port).path));
      pair.push_back(std::move(trace));
    }
    TRY(parts, firstDifference(pair[0], inputs.at("first").title(), pair[1], inputs.at("second").title(),
                               pollOf(job, "comparing the tokens", 0, 4)));
    if (!parts.empty())
      return usageError(
          fmt::format("the traces do not hold the same tokens: {}. Capture both on the same corpus with "
                      "the same tokens and length, or give paired=false to compare what they hold",
                      parts));
    TRY(filter, traceFilter(pair[0].info(), set));
    if (set.text("match") == "overlap")
      TRY_ASSIGN(found.numbers, matchExperts(pair, filter, pollOf(job, "pairing the experts", 1, 4)));
    TRY_ASSIGN(found.agreement,
               measureAgreement(pair, filter, first, found.numbers, pollOf(job, "comparing the choices", 2, 4)));
  }
  const std::size_t layers = first.info.layers.size();
  for (std::size_t layer = 0; layer < layers; ++layer) {
    TRY(difference,
        measureDifference(first, second, layer, found.numbers.empty() ? ExpertNumbers{} : found.numbers[layer], paired,
                          drawsOf(set, job), pollOf(job, "resampling documents", 3 * layers + layer, 4 * layers)));
    found.differences.push_back(std::move(difference));
  }
  return found;
}

// [layer, expert] from each layer's list, NaN behind its end.
template <class List>
std::vector<double> padded(const std::vector<LayerDifference>& layers, std::size_t experts, List list) {
  std::vector<double> all;
  for (const LayerDifference& layer : layers) {
    std::vector<double> row = list(layer);
    row.resize(experts, nan);
    all.insert(all.end(), row.begin(), row.end());
  }
  return all;
}

std::vector<double> sides(const std::vector<Interval>& intervals, double Interval::*side) {
  std::vector<double> list;
  for (const Interval& interval : intervals) list.push_back(interval.*side);
  return list;
}

Table strongest(const std::vector<double>& difference, const std::vector<double>& first,
                const std::vector<double>& second, const std::vector<double>& risk, const std::vector<double>& q,
                std::size_t experts) {
  std::vector<std::size_t> order;
  for (std::size_t cell = 0; cell < difference.size(); ++cell)
    if (q[cell] <= discovery) order.push_back(cell);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return std::abs(difference[a]) > std::abs(difference[b]); });
  order.resize(std::min(order.size(), strongestRows));
  std::vector<std::vector<double>> columns(7);
  for (std::size_t cell : order) {
    const double row[] = {static_cast<double>(cell / experts),
                          static_cast<double>(cell % experts),
                          difference[cell],
                          first[cell],
                          second[cell],
                          risk[cell],
                          q[cell]};
    for (std::size_t at = 0; at < columns.size(); ++at) columns[at].push_back(row[at]);
  }
  return {.columns = {{"layer", "", columns[0]},
                      {"expert", "", columns[1]},
                      {"difference", "x fair share", columns[2]},
                      {"first", "x fair share", columns[3]},
                      {"second", "x fair share", columns[4]},
                      {"risk difference", "share of tokens", columns[5]},
                      {"q", "", columns[6]}}};
}

void addDifferences(Result& result, const std::vector<LayerDifference>& layers, std::size_t experts) {
  const std::vector<std::string> axes{"layer", "expert"};
  const auto list = [&](std::vector<double> LayerDifference::*of) {
    return padded(layers, experts, [of](const LayerDifference& layer) { return layer.*of; });
  };
  const auto side = [&](std::vector<Interval> LayerDifference::*of, double Interval::*which) {
    return padded(layers, experts, [&](const LayerDifference& layer) { return sides(layer.*of, which); });
  };
  const std::vector<double> first = list(&LayerDifference::first), second = list(&LayerDifference::second),
                            difference = list(&LayerDifference::difference), risk = list(&LayerDifference::risk),
                            q = benjaminiHochberg(list(&LayerDifference::p));
  result.add("utilisation_first", "x fair share", axes, first).help = "n E / (N k) in the first trace.";
  result.add("utilisation_second", "x fair share", axes, second).help =
      "n E / (N k) in the second trace, by the first's numbers of experts.";
  const bool drawn = !layers.front().interval.empty();
  Array& array = result.add("difference", "x fair share", axes, difference);
  array.help =
      "Utilisation in the second trace less that in the first; interval over resampled documents, the same ones "
      "for both where the traces are paired.";
  if (drawn) {
    array.low = side(&LayerDifference::interval, &Interval::low);
    array.high = side(&LayerDifference::interval, &Interval::high);
  }
  Array& rate = result.add("risk_difference", "share of tokens", axes, risk);
  rate.help =
      "Share of the second trace's tokens that choose the expert, less that of the first's; Newcombe's interval "
      "(1998, method 10) takes tokens as independent, so that it is too narrow where documents differ.";
  rate.low = side(&LayerDifference::riskInterval, &Interval::low);
  rate.high = side(&LayerDifference::riskInterval, &Interval::high);
  result.add("q", "", axes, q).help =
      "Benjamini and Hochberg's q over all layers and experts; p from Student's t of the difference over the deviation "
      "of "
      "its draws, documents - 1 degrees of freedom.";
  std::vector<double> divergence, low, high;
  for (const LayerDifference& layer : layers) {
    divergence.push_back(layer.divergence);
    low.push_back(layer.divergenceInterval.low);
    high.push_back(layer.divergenceInterval.high);
  }
  Array& between = result.add("divergence", "bits", {"layer"}, std::move(divergence));
  between.help = "Jensen-Shannon divergence of the experts' shares in the two traces; 0 to 1 bit.";
  if (drawn) {
    between.low = std::move(low);
    between.high = std::move(high);
  }
  result.add("strongest", strongest(difference, first, second, risk, q, experts));
}

double share(double part, double whole) {
  return whole > 0 ? part / whole : nan;
}

// overlap, jaccard, same_set, same_first of sums over tokens.
std::array<double, 4> sharesOf(std::span<const double> sums) {
  using S = SetOverlap;
  return {share(sums[S::common], sums[S::smaller]), share(sums[S::common], sums[S::together]),
          share(sums[S::sameSet], sums[S::tokens]), share(sums[S::sameFirst], sums[S::tokens])};
}

// What two independent routings of the same popularity would share: sum over experts of both rates, over the set's
// size.
double popularOverlap(const CountedTrace& first, const CountedTrace& second, std::size_t layer,
                      const ExpertNumbers& numbers) {
  const std::vector<std::int64_t>&one = first.counters.layers[layer].count,
        &other = second.counters.layers[layer].count;
  const double tokens = static_cast<double>(first.counters.tokens);
  double common = 0;
  for (std::size_t e = 0; e < other.size(); ++e) {
    const std::size_t number = numbers.empty() ? e : numbers[e];
    if (number < one.size())
      common += static_cast<double>(one[number]) / tokens * static_cast<double>(other[e]) / tokens;
  }
  return common / std::min(routedTotals(first.counters, layer).chosen(), routedTotals(second.counters, layer).chosen());
}

Expected<void> addAgreement(Result& result, const Found& found, const CountedTrace& first, const CountedTrace& second,
                            const Draws& draws, Job& job) {
  constexpr std::size_t cells = SetOverlap::cells;
  const std::size_t layers = found.agreement.size(), domains = first.info.domains.size();
  constexpr const char* names[] = {"overlap", "jaccard", "same_set", "same_first"};
  constexpr const char* helps[] = {
      "Experts that both traces choose for a token over the smaller set's size, |S1 and S2| / min(|S1|, |S2|). The "
      "baseline is what two independent routings of the same popularity would share.",
      "Experts that both traces choose over those that either does.",
      "Share of the tokens whose experts are the same in both traces.",
      "Share of the tokens whose first choice is the same in both traces."};
  std::vector<std::vector<double>> value(4), low(4), high(4);
  std::vector<double> change, chance, popular, byDomain;
  for (std::size_t layer = 0; layer < layers; ++layer) {
    const LayerAgreement& agreement = found.agreement[layer];
    std::vector<double> sums(cells);
    for (std::size_t at = 0; at < agreement.byDocument.values.size(); ++at)
      sums[at % cells] += agreement.byDocument.values[at];
    std::vector<std::vector<double>> drawn(4, std::vector<double>(draws.count));
    if (draws.count > 0 && agreement.byDocument.documents() > 1)
      TRY_DO(resampleSums(
          agreement.byDocument, draws,
          [&](std::int64_t draw, std::span<const double> of) {
            const auto shares = sharesOf(of);
            for (std::size_t at = 0; at < 4; ++at) drawn[at][draw] = shares[at];
          },
          pollOf(job, "resampling documents", layer, layers)));
    for (std::size_t at = 0; at < 4; ++at) {
      value[at].push_back(sharesOf(sums)[at]);
      const Interval interval = percentileInterval(drawn[at]);
      low[at].push_back(interval.low);
      high[at].push_back(interval.high);
    }
    change.push_back(1 - value[0].back());
    const double one = routedTotals(first.counters, layer).chosen(),
                 other = routedTotals(second.counters, layer).chosen();
    const auto experts =
        static_cast<double>(std::max(first.info.layers[layer].numExperts, second.info.layers[layer].numExperts));
    chance.push_back(std::max(one, other) / experts);
    popular.push_back(
        popularOverlap(first, second, layer, found.numbers.empty() ? ExpertNumbers{} : found.numbers[layer]));
    for (std::size_t domain = 0; domain < domains; ++domain)
      byDomain.push_back(sharesOf(std::span(agreement.byDomain).subspan(domain * cells, cells))[0]);
  }
  for (std::size_t at = 0; at < 4; ++at) {
    Array& array = result.add(names[at], "", {"layer"}, std::move(value[at]));
    array.help = helps[at];
    if (at == 0) array.baseline = popular;
    if (draws.count == 0 || first.documents() < 2) continue;
    array.low = std::move(low[at]);
    array.high = std::move(high[at]);
  }
  result.add("change", "", {"layer"}, std::move(change)).help = "Router change rate, 1 - overlap.";
  result.add("chance", "", {"layer"}, std::move(chance)).help = "Overlap of two routings at random, k / E.";
  result.add("overlap_by_domain", "", {"layer", "domain"}, std::move(byDomain)).help =
      "Overlap over the tokens of each domain.";
  return {};
}

void addNumbers(Result& result, const Found& found, std::size_t experts) {
  if (found.numbers.empty()) return;
  std::vector<double> partner(found.numbers.size() * experts, -1);
  for (std::size_t layer = 0; layer < found.numbers.size(); ++layer)
    for (std::size_t e = 0; e < found.numbers[layer].size(); ++e)
      partner[layer * experts + found.numbers[layer][e]] = static_cast<double>(e);
  result.addWhole("partner", "", {"layer", "expert"}, std::move(partner)).help =
      "The expert of the second trace that goes by this number of the first's; -1 for none.";
}

Json factsOf(const CountedTrace& first, const CountedTrace& second, bool paired) {
  Json facts = traceFacts(first, "compare.traces");
  facts["source"] = fmt::format("{} and {}", first.source, second.source);
  if (paired) return facts;
  facts["tokens"] = first.counters.tokens + second.counters.tokens;
  facts["documents"] = first.documents() + second.documents();
  return facts;
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(first, countTrace(inputs.at("first"), set, false, job));
  TRY(second, countTrace(inputs.at("second"), set, false, job));
  TRY_DO(checkAlike(inputs, first.info, second.info, set));
  TRY(found, compare(inputs, set, first, second, job));
  const bool paired = set.flag("paired");
  std::size_t experts = 0;
  for (const LayerDifference& layer : found.differences) experts = std::max(experts, layer.first.size());
  Axis numbers{.name = "expert", .labels = {}};
  for (std::size_t e = 0; e < experts; ++e) numbers.labels.push_back(std::to_string(e));
  Result result{.axes = {layerAxis(first.info), std::move(numbers), domainAxis(first.info)},
                .facts = factsOf(first, second, paired)};
  addDifferences(result, found.differences, experts);
  if (paired)
    TRY_DO(addAgreement(result, found, first, second, drawsOf(set, job), job));
  else
    leaveOut(result, ofPairs,
             "The traces were compared unpaired; tokens can only be followed where both hold the same.");
  addNumbers(result, found, experts);
  addOverLayers(result, "over_layers",
                {{"overlap", "|S1 and S2| / min(|S1|, |S2|); floor: same popularity, independent"},
                 {"chance", "k / E"},
                 {"jaccard", "|S1 and S2| / |S1 or S2|"},
                 {"same_set", "all experts of a token"},
                 {"same_first", "first choice of a token"},
                 {"change", "1 - overlap"},
                 {"divergence", "Jensen-Shannon, bits"}});
  return one("result", std::move(result), traceSummary(first));
}

}  // namespace

const Operation compareTraces{describe, estimate, run};

}  // namespace moescope
