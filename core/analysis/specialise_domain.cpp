// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/analysis/counted_trace.h"
#include "core/analysis/domain_information.h"
#include "core/analysis/operations.h"
#include "core/statistics/multiple_testing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double discovery = 0.05;  // false discovery rate
constexpr std::size_t strongestRows = 200;

Description describe() {
  return {.id = "specialise.domain",
          .title = "Domain specialisation",
          .help =
              "Which experts the tokens of each domain prefer. Share is N[d,e] / sum over e of N[d,e]; lift is share "
              "over the layer's overall "
              "share: 1 where the expert does not tell the domain. token_share is N[d,e] / N[d] of OLMoE (Muennighoff "
              "et al. 2024), which sums "
              "to k. Information is I(domain; expert) in nats, each token one unit of 1/k an assignment; at most "
              "H(domain). The null deals "
              "the domains of whole documents out anew, never those of tokens; q is Benjamini and Hochberg's over all "
              "layers, domains and "
              "experts. Intervals are 95 % percentile intervals over resampled documents.",
          .page = "Specialisation",
          .in = {{"trace", Kind::trace}},
          .out = {{"result", Kind::result}},
          .parameters =
              withTraceFilters({integer("draws", 1000, 0, 10000, "",
                                        "relabellings and resamples of documents; 0 leaves q, null and intervals out"),
                                integer("seed", 0, 0, 1e9, "", "of the relabelling and the resampling").secondary()}),
          .figures = {heatMap("lift", "lift")
                          .over({"domain", "expert"})
                          .at("layer")
                          .scale("log2 around 1")
                          .option("grey_above", {{"value", "q"}, {"at", discovery}})
                          .titled("Experts that a domain prefers"),
                      lines("information", {"information"})
                          .over({"layer"})
                          .floor("baseline")
                          .option("floor_words", "what relabelled documents give")
                          .titled("What routing tells about the domain"),
                      table("strongest", {"strongest"}).titled("Strongest preferences"),
                      heatMap("share", "share")
                          .over({"domain", "expert"})
                          .at("layer")
                          .scale("sequential")
                          .titled("Share of a domain's tokens")},
          .interactive = true,
          .example = "moescope-cli run specialise.domain --study S --in trace=t --set draws=2000 --name sd"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  Cost cost = countingCost(info, 2 * set.integer("draws"));
  double cells = 0;
  for (const TraceLayer& layer : info.layers)
    cells += static_cast<double>(layer.numExperts) * static_cast<double>(info.domains.size());
  cost.bytes += static_cast<std::uint64_t>(4 * 8 * cells);
  cost.seconds += 2e-8 * cells * static_cast<double>(set.integer("draws"));
  return cost;
}

// One layer: tables [domain, expert], and numbers of the layer.
struct LayerPreference {
  std::vector<double> share, lift, tokenShare, p;
  double information = nan, entropy = nan;
  Interval interval{nan, nan}, null{nan, nan};
  double nullMean = nan, nullP = nan;
};

void addShares(LayerPreference& layer, const std::vector<double>& table, std::size_t experts,
               const std::vector<std::int64_t>& tokens) {
  std::vector<double> overall(experts);
  double total = 0;
  for (std::size_t at = 0; at < table.size(); ++at) {
    overall[at % experts] += table[at];
    total += table[at];
  }
  for (std::size_t domain = 0; domain < tokens.size(); ++domain) {
    const auto row = table.begin() + domain * experts;
    const double sum = std::accumulate(row, row + experts, 0.0);
    for (std::size_t e = 0; e < experts; ++e) {
      const double share = sum > 0 ? row[e] / sum : nan;
      layer.share.push_back(share);
      layer.lift.push_back(overall[e] > 0 ? share / (overall[e] / total) : nan);
      layer.tokenShare.push_back(tokens[domain] > 0 ? row[e] / static_cast<double>(tokens[domain]) : nan);
    }
  }
}

// Null and interval of a layer; nothing to draw leaves them NaN.
Expected<void> addDraws(LayerPreference& layer, const DocumentTable& table, const Draws& draws, Job& job,
                        std::size_t index, std::size_t layers) {
  layer.p.assign(layer.share.size(), nan);
  if (draws.count == 0 || table.documents() < 2) return {};
  TRY(null, permuteDomains(table, draws, pollOf(job, "relabelling documents", 2 * index, 2 * layers)));
  layer.p = std::move(null.p);
  layer.nullMean =
      std::accumulate(null.information.begin(), null.information.end(), 0.0) / static_cast<double>(draws.count);
  const auto above = std::count_if(null.information.begin(), null.information.end(),
                                   [&](double value) { return value >= layer.information - 1e-12; });
  layer.nullP = (1 + static_cast<double>(above)) / (1 + static_cast<double>(draws.count));
  layer.null = percentileInterval(null.information);
  std::vector<double> resampled(draws.count);
  TRY_DO(resampleDocuments(
      table, draws,
      [&](std::int64_t draw, std::span<const double> sums) { resampled[draw] = domainInformation(sums, table.cells); },
      pollOf(job, "resampling documents", 2 * index + 1, 2 * layers)));
  layer.interval = percentileInterval(resampled);
  return {};
}

Expected<std::vector<LayerPreference>> measureLayers(const CountedTrace& counted, const Draws& draws, Job& job) {
  std::vector<LayerPreference> layers;
  for (std::size_t index = 0; index < counted.info.layers.size(); ++index) {
    if (job.cancelled()) return cancelledError();
    const LayerCounters& counters = counted.counters.layers[index];
    const auto experts = static_cast<std::size_t>(counters.experts);
    const std::vector<double> table(counters.domain.begin(), counters.domain.end());
    LayerPreference layer{.information = domainInformation(table, experts), .entropy = domainEntropy(table, experts)};
    addShares(layer, table, experts, counted.counters.tokensByDomain);
    TRY_DO(addDraws(layer, documentTable(counted, index), draws, job, index, counted.info.layers.size()));
    layers.push_back(std::move(layer));
  }
  return layers;
}

// [layer, domain, expert] from each layer's [domain, expert], padded where a layer has fewer experts.
std::vector<double> padded(const CountedTrace& counted, const std::vector<LayerPreference>& layers,
                           std::vector<double> LayerPreference::*of) {
  const auto most = static_cast<std::size_t>(counted.mostExperts());
  const std::size_t domains = counted.info.domains.size();
  std::vector<double> all(layers.size() * domains * most, nan);
  for (std::size_t layer = 0; layer < layers.size(); ++layer) {
    const std::size_t experts = counted.counters.layers[layer].count.size();
    for (std::size_t at = 0; at < (layers[layer].*of).size(); ++at)
      all[(layer * domains + at / experts) * most + at % experts] = (layers[layer].*of)[at];
  }
  return all;
}

template <class Of>
std::vector<double> byLayer(const std::vector<LayerPreference>& layers, Of of) {
  std::vector<double> values;
  for (const LayerPreference& layer : layers) values.push_back(of(layer));
  return values;
}

// The preferences that stand out from the null, largest lift first. What a domain avoids is in the heat map.
Table strongest(const CountedTrace& counted, const std::vector<double>& lift, const std::vector<double>& share,
                const std::vector<double>& q) {
  const auto most = static_cast<std::size_t>(counted.mostExperts());
  const std::size_t domains = counted.info.domains.size();
  std::vector<std::size_t> order;
  for (std::size_t cell = 0; cell < lift.size(); ++cell)
    if (lift[cell] > 1 && q[cell] <= discovery) order.push_back(cell);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return lift[a] > lift[b]; });
  order.resize(std::min(order.size(), strongestRows));
  std::vector<double> layers, experts, lifts, shares, qs;
  std::vector<std::string> names;
  for (std::size_t cell : order) {
    layers.push_back(static_cast<double>(cell / (domains * most)));
    experts.push_back(static_cast<double>(cell % most));
    names.push_back(counted.info.domains[cell / most % domains]);
    lifts.push_back(lift[cell]);
    shares.push_back(share[cell]);
    qs.push_back(q[cell]);
  }
  return {.columns = {{"layer", "", layers},
                      {"expert", "", experts},
                      {"domain", "", names},
                      {"lift", "x overall share", lifts},
                      {"share", "", shares},
                      {"q", "", qs}}};
}

void addTables(Result& result, const CountedTrace& counted, const std::vector<LayerPreference>& layers) {
  const std::vector<std::string> axes{"layer", "domain", "expert"};
  const std::vector<double> share = padded(counted, layers, &LayerPreference::share),
                            lift = padded(counted, layers, &LayerPreference::lift);
  const std::vector<double> q = benjaminiHochberg(padded(counted, layers, &LayerPreference::p));
  result.add("share", "share", axes, share).help =
      "Share of the domain's assignments that go to the expert; sums to 1 over experts.";
  Array& preference = result.add("lift", "x overall share", axes, lift);
  preference.help = "Share over the layer's overall share of the expert; 1 when the expert does not tell the domain.";
  preference.baseline.assign(lift.size(), 1);
  for (std::size_t cell = 0; cell < lift.size(); ++cell)
    if (std::isnan(lift[cell])) preference.baseline[cell] = nan;
  result.add("q", "", axes, q).help =
      "Benjamini-Hochberg q over all layers, domains and experts, of two-sided p-values under permutation of whole "
      "documents.";
  result.add("token_share", "tokens", axes, padded(counted, layers, &LayerPreference::tokenShare)).help =
      "DS(e,d) of OLMoE: share of the domain's tokens with the expert among their k; sums to k over experts, fair k/E.";
  result.add("strongest", strongest(counted, lift, share, q));
}

void addInformation(Result& result, const std::vector<LayerPreference>& layers, bool drawn) {
  Array& information = result.add("information", "nats", {"layer"},
                                  byLayer(layers, [](const auto& layer) { return layer.information; }));
  information.help =
      "I(domain; expert), each token one unit (1/k an assignment). Baseline: mean under permutation of the documents' "
      "domains.";
  if (drawn) {
    information.baseline = byLayer(layers, [](const auto& layer) { return layer.nullMean; });
    information.low = byLayer(layers, [](const auto& layer) { return layer.interval.low; });
    information.high = byLayer(layers, [](const auto& layer) { return layer.interval.high; });
  }
  result
      .add("information_share", "of H(domain)", {"layer"},
           byLayer(layers,
                   [](const auto& layer) { return layer.entropy > 0 ? layer.information / layer.entropy : nan; }))
      .help = "I(domain; expert) / H(domain): how much of the domain a token's expert tells, 0 to 1.";
  if (!drawn) return;
  Array& null = result.add("information_null", "nats", {"layer"},
                           byLayer(layers, [](const auto& layer) { return layer.nullMean; }));
  null.help = "I(domain; expert) when documents bear no label: mean and 95 % of the permutations.";
  null.low = byLayer(layers, [](const auto& layer) { return layer.null.low; });
  null.high = byLayer(layers, [](const auto& layer) { return layer.null.high; });
  result.add("information_p", "", {"layer"}, byLayer(layers, [](const auto& layer) { return layer.nullP; })).help =
      "Share of the permutations that tell as much or more, (1 + count) / (1 + draws).";
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  TRY(counted, countTrace(inputs.at("trace"), set, false, job));
  const Draws draws = drawsOf(set, job);
  const LayerCounters& firstLayer = counted.counters.layers.front();
  if (groupSums(documentTable(counted, 0)) != std::vector<double>(firstLayer.domain.begin(), firstLayer.domain.end()))
    job.log("warning",
            "some documents have tokens of several domains: null and intervals take each document as of one");
  TRY(layers, measureLayers(counted, draws, job));
  Result result{.axes = {layerAxis(counted.info), domainAxis(counted.info), expertAxis(counted.info)},
                .facts = traceFacts(counted, "specialise.domain")};
  addTables(result, counted, layers);
  addInformation(result, layers, draws.count > 0 && counted.documents() > 1);
  return one("result", std::move(result), traceSummary(counted));
}

}  // namespace

const Operation specialiseDomain{describe, estimate, run};

}  // namespace moescope
