// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/analysis/domain_preference.h"
#include "core/analysis/domain_values.h"
#include "core/analysis/operations.h"
#include "core/statistics/multiple_testing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double discovery = 0.05;  // false discovery rate
constexpr std::size_t strongestRows = 200;

std::vector<Parameter> parameters() {
  return withTraceFilters(
      {integer("draws", 1000, 0, 10000, "",
               "relabellings and resamples of documents; 0 leaves q, null and intervals out"),
       integer(
           "choices", 0, 0, 1024, "",
           "of each token count only the first so many experts, 0 = all of them: 1 for OLMoE's top-1 variant, 2 for "
           "Mixtral's first or second choice"),
       list("contrast", Json::array(),
            "two domains whose token shares are compared, or one to compare with all others; empty takes the first "
            "domain")
           .secondary(),
       real("prior", 100, 0, 1e9, "tokens", "that choose as the whole layer does, behind the log-odds").secondary(),
       real("tau", 0.5, 0, 1, "", "share of a domain's assignments that its smallest set of experts carries")
           .secondary(),
       real("theta", 0.9, 0, 1, "", "share of the domains whose sets hold an expert of the committee").secondary(),
       integer("seed", 0, 0, 1e9, "", "of the relabelling and the resampling").secondary()});
}

std::vector<Figure> figures() {
  const std::vector<std::string> cells{"domain", "expert"};
  return {
      heatMap("lift", "lift")
          .over(cells)
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
      heatMap("share", "share").over(cells).at("layer").scale("sequential").titled("Share of a domain's tokens"),
      heatMap("percent", "percent")
          .over(cells)
          .at("layer")
          .scale("sequential")
          .titled("Domain specialisation in per cent of tokens"),
      heatMap("log_odds", "log_odds")
          .over(cells)
          .at("layer")
          .scale("diverging around 0")
          .option("grey_above", {{"value", "q"}, {"at", discovery}})
          .titled("Log-odds of a domain's experts"),
      scatter("volcano", {"log_odds", "strength"})
          .over(cells)
          .at("layer")
          .line(1.3, "q = 0.05")
          .titled("Preferences by size and strength"),
      lines("dispatch", {"dispatch_entropy"})
          .over({"layer"})
          .floor("baseline")
          .option("floor_words", "what relabelled documents give")
          .titled("Domains that an expert serves"),
      heatMap("variation", "domain_cv").over({"layer", "expert"}).scale("sequential").titled("Unevenness over domains"),
      sortedBars("contrast", "difference").over({"expert"}).at("layer").line(0, "no difference").titled("Contrast"),
      lines("coverage", {"coverage"}).over({"taken", "domain"}).at("layer").titled("Mass that few experts carry"),
      heatMap("presence", "present").over(cells).at("layer").scale("sequential").titled("Experts that carry a domain"),
      lines("committee", {"committee_jaccard"})
          .over({"layer"})
          .floor("baseline")
          .option("floor_words", "domains that choose independently")
          .titled("Overlap of the domains' experts"),
      table("committees", {"committee", "committee_share", "committee_mass", "committee_jaccard", "committee_chance"})
          .over({"layer"})
          .titled("Standing committee")};
}

Description describe() {
  return {.id = "specialise.domain",
          .version = 2,
          .title = "Domain specialisation",
          .help =
              "Which experts the tokens of each domain prefer. Share is N[d,e] / sum over e of N[d,e]; lift is share "
              "over the layer's overall share: 1 where the expert does not tell the domain. token_share is N[d,e] / "
              "N[d] of OLMoE (Muennighoff et al. 2024), which sums to k; percent is its script's 100 k N[d,e] / sum "
              "over e. Log-odds are against the other domains, with an informative Dirichlet prior (Monroe et al. "
              "2008). Information is I(domain; expert) in nats, each token one unit of 1/k an assignment; at most "
              "H(domain), and what it leaves, H(domain | expert), is the dispatch entropy. The standing committee "
              "holds the experts that are, in theta of the domains, in the smallest set that carries tau of the "
              "domain's assignments (arXiv 2601.03425). The null deals the domains of whole documents out anew, never "
              "those of tokens; q is Benjamini and Hochberg's over all layers, domains and experts. Intervals are "
              "95 % percentile intervals over resampled documents.",
          .page = "Specialisation",
          .in = {{"trace", Kind::trace}},
          .out = {{"result", Kind::result}},
          .parameters = parameters(),
          .figures = figures(),
          .interactive = true,
          .example = "moescope-cli run specialise.domain --study S --in trace=t --set draws=2000 --name sd"};
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  Cost cost = countingCost(info, 2 * set.integer("draws"));
  double cells = 0;
  for (const TraceLayer& layer : info.layers)
    cells += static_cast<double>(layer.numExperts) * static_cast<double>(info.domains.size());
  cost.bytes += static_cast<std::uint64_t>(12 * 8 * cells);
  cost.seconds += 1e-7 * cells * static_cast<double>(set.integer("draws"));
  return cost;
}

using Layers = std::vector<DomainPreference>;

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

void addTables(Result& result, const CountedTrace& counted, const Layers& layers) {
  const std::vector<std::string> axes{"layer", "domain", "expert"};
  const std::size_t domains = counted.info.domains.size();
  const auto tables = [&](auto of) {
    return paddedByExpert(counted.info, domains, [&](std::size_t layer) { return of(layers[layer]); });
  };
  const std::vector<double> share = tables([](const auto&of) { return of.share; }),
                            lift = tables([](const auto&of) { return of.lift; }),
                            q = benjaminiHochberg(tables([](const auto&of) { return of.p; }));
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
  std::vector<double> strength;
  for (double value : q) strength.push_back(-std::log10(value));
  result.add("strength", "-log10 q", axes, std::move(strength)).help = "1.3 is q = 0.05, 2 is q = 0.01.";
  result.add("token_share", "tokens", axes, tables([](const auto& of) { return of.tokenShare; })).help =
      "DS(e,d) of OLMoE: share of the domain's tokens with the expert among their k; sums to k over experts, fair k/E.";
  result.add("log_odds", "nats", axes, tables([](const auto& of) { return of.odds.ratio; })).help =
      "Log-odds ratio of a token of the domain choosing the expert against the tokens of the other domains, "
      "informative "
      "Dirichlet prior of `prior` tokens that choose as the whole layer does (Monroe, Colaresi and Quinn 2008).";
  result.add("z", "deviations", axes, tables([](const auto& of) { return of.z; })).help =
      "Distance of the share from the layer's overall share, in standard deviations under permutation of whole "
      "documents.";
  result.add("z_tokens", "deviations", axes, tables([](const auto& of) { return of.odds.z; })).help =
      "z of the log-odds as Monroe et al. give it, which takes every token as independent: tokens of a document are "
      "not, so that it is too large. For comparison with published figures; z and q are by documents.";
  result.add("strongest", strongest(counted, lift, share, q));
}

// The bars of OLMoE's script: 100 k N[d,e] / sum over e of N[d,e], with its dashed line at k/E.
void addPercent(Result& result, const CountedTrace& counted, const Layers& layers, std::int64_t choices) {
  const std::size_t domains = counted.info.domains.size();
  const auto factor = [&](std::size_t layer) {
    const std::int64_t k = counted.info.layers[layer].topK;
    return 100 * static_cast<double>(choices > 0 ? std::min(choices, k) : k);
  };
  const auto scaled = [&](std::size_t layer) {
    std::vector<double> values = layers[layer].share;
    for (double& value : values) value *= factor(layer);
    return values;
  };
  Array& percent =
      result.add("percent", "%", {"layer", "domain", "expert"}, paddedByExpert(counted.info, domains, scaled));
  percent.help =
      "100 k times the share: the convention of OLMoE's script, of 100 k in all; fair 100 k/E. With choices = 1 its "
      "top-1 variant (fair 100/E), with choices = 2 the first or second choice of Mixtral (Jiang et al. 2024).";
  percent.baseline = percent.values;
  const auto most = static_cast<std::size_t>(counted.mostExperts());
  for (std::size_t cell = 0; cell < percent.values.size(); ++cell)
    if (const std::size_t at = cell / (domains * most); !std::isnan(percent.values[cell]))
      percent.baseline[cell] = factor(at) / static_cast<double>(counted.counters.layers[at].experts);
}

Axis takenAxis(const CountedTrace& counted) {
  Axis axis{.name = "taken"};
  for (std::int64_t e = 1; e <= counted.mostExperts(); ++e) axis.labels.push_back(std::to_string(e));
  return axis;
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  const std::int64_t choices = set.integer("choices");
  TRY(counted, countTrace(inputs.at("trace"), set, false, job, choices));
  TRY(question, domainQuestion(counted, set));
  const Draws draws = drawsOf(set, job);
  const LayerCounters& firstLayer = counted.counters.layers.front();
  if (groupSums(documentTable(counted, 0)) != std::vector<double>(firstLayer.domain.begin(), firstLayer.domain.end()))
    job.log("warning",
            "some documents have tokens of several domains: null and intervals take each document as of one");
  TRY(layers, measurePreferences(counted, question, set.real("prior"), draws, job));
  Result result{
      .axes = {layerAxis(counted.info), domainAxis(counted.info), expertAxis(counted.info), takenAxis(counted)},
      .facts = traceFacts(counted, "specialise.domain")};
  const bool drawn = draws.count > 0 && counted.documents() > 1;
  addTables(result, counted, layers);
  addPercent(result, counted, layers, choices);
  addInformation(result, layers, drawn);
  addExperts(result, counted, question, layers, drawn);
  addCommittee(result, counted, layers, drawn);
  return one("result", std::move(result), traceSummary(counted));
}

}  // namespace

const Operation specialiseDomain{describe, estimate, run};

}  // namespace moescope
