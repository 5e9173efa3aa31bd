// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/analysis/label_information.h"
#include "core/analysis/operations.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

Description describe() {
  return {.id = "specialise.information",
          .title = "What routing tells",
          .help =
              "How much a token's experts tell of what is known of the token: its domain, its id, the characters that "
              "it is made of, its place in the document. I(X; expert) = sum p(x,e) ln(p(x,e) / (p(x) p(e))) in nats, "
              "each token one unit of 1/k an assignment, layer by layer. corrected takes off the bias of few tokens "
              "(Miller and Madow 1955); the baseline is the mean where whole documents take the labels of others, so "
              "that tokens of a document stay as alike as they are (for the place, each document's labels are turned "
              "round by a random offset, because all documents have the same). of_label is I / H(X), of_routing "
              "I / H(expert) (for the id the variance explained by the token, OpenMoE, Xue et al. 2024), symmetric "
              "2 I / (H(X) + H(expert)).",
          .page = "Specialisation",
          .in = {{"trace", Kind::trace}},
          .out = {{"result", Kind::result}},
          .parameters = withTraceFilters(
              {integer("draws", 40, 0, 10000, "", "relabellings of documents behind the null; 0 leaves it out"),
               integer("tokens", 1000000, 0, 1e9, "tokens",
                       "looked at, in whole documents spread evenly over the trace; 0 = all. Memory grows with them"),
               integer("min_count", 10, 1, 1e9, "tokens", "ids that are rarer count as one label").secondary(),
               integer("bins", 10, 2, 1000, "", "parts of a document, by place").secondary(),
               integer("seed", 0, 0, 1e9, "", "of the relabelling").secondary()}),
          .figures = {lines("information", {"information"})
                          .over({"layer", "label"})
                          .floor("baseline")
                          .option("floor_words", "what documents with the labels of others give")
                          .titled("What routing tells"),
                      lines("of_routing", {"of_routing"})
                          .over({"layer", "label"})
                          .floor("baseline")
                          .option("floor_words", "what documents with the labels of others give")
                          .option("names", {{"of_routing", "routing explained"}})
                          .titled("How much of the routing is explained"),
                      lines("of_label", {"of_label"})
                          .over({"layer", "label"})
                          .floor("baseline")
                          .option("floor_words", "what documents with the labels of others give")
                          .option("names", {{"of_label", "label told"}})
                          .titled("How much of the label routing tells"),
                      table("excess", {"excess"}).over({"layer", "label"}).titled("Information beyond the null"),
                      table("layers", {"corrected"}).over({"layer", "label"}).titled("Information, bias-corrected")},
          .example = "moescope-cli run specialise.information --study S --in trace=t --set tokens=200000 --name si"};
}

double looked(const Parameters& set, double tokens) {
  const auto most = static_cast<double>(set.integer("tokens"));
  return most == 0 ? tokens : std::min(most, tokens);
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  TRY(trace, Trace::open(inputs.at("trace").path));
  const auto all = static_cast<double>(trace.tokens());
  const double tokens = looked(set, all), types = std::min(3e5, tokens / static_cast<double>(set.integer("min_count")));
  double assignments = 0, most = 0, columns = 0;
  for (const TraceLayer& layer : info.layers) {
    assignments += tokens * static_cast<double>(layer.columns());
    most = std::max(most, static_cast<double>(layer.numExperts));
    columns = std::max(columns, static_cast<double>(layer.columns()));
  }
  const auto draws = static_cast<double>(set.integer("draws"));
  const auto layers = static_cast<double>(info.layers.size());
  return Cost{.bytes = 1u << 16,
              .memory = static_cast<std::uint64_t>(tokens * (22 + 2 * columns) + 2 * 4 * types * most) + (64u << 20),
              .seconds = 0.5 + 1e-7 * all * layers + (1 + draws) * (8e-9 * assignments + 2e-9 * layers * types * most)};
}

// [layer, label]
struct Measured {
  std::vector<double> information, corrected, ofLabel, ofRouting, symmetric;
  std::vector<double> null, nullLow, nullHigh, p, ofLabelNull, ofRoutingNull, symmetricNull;

  void add(const LabelInformation& of) {
    const auto draws = static_cast<double>(of.null.size());
    const double mean = draws > 0 ? std::accumulate(of.null.begin(), of.null.end(), 0.0) / draws : nan;
    const auto share = [](double part, double whole) { return whole > 0 ? part / whole : nan; };
    const double both = (of.labelEntropy + of.expertEntropy) / 2;
    information.push_back(of.information);
    corrected.push_back(of.corrected);
    ofLabel.push_back(share(of.information, of.labelEntropy));
    ofRouting.push_back(share(of.information, of.expertEntropy));
    symmetric.push_back(share(of.information, both));
    null.push_back(mean);
    ofLabelNull.push_back(share(mean, of.labelEntropy));
    ofRoutingNull.push_back(share(mean, of.expertEntropy));
    symmetricNull.push_back(share(mean, both));
    std::vector<double> sorted = of.null;
    const Interval interval = percentileInterval(sorted);
    nullLow.push_back(interval.low);
    nullHigh.push_back(interval.high);
    const auto asMuch = std::ranges::count_if(of.null, [&](double value) { return value >= of.information - 1e-12; });
    p.push_back(draws > 0 ? (1 + static_cast<double>(asMuch)) / (1 + draws) : nan);
  }
  void addNothing() {
    for (auto* list : {&information, &corrected, &ofLabel, &ofRouting, &symmetric, &null, &nullLow, &nullHigh, &p,
                       &ofLabelNull, &ofRoutingNull, &symmetricNull})
      list->push_back(nan);
  }
};

void addValues(Result& result, Measured of, bool drawn) {
  const std::vector<std::string> axes{"layer", "label"};
  std::vector<double> excess = of.information;
  for (std::size_t at = 0; at < excess.size(); ++at) excess[at] -= of.null[at];
  const auto add = [&](const char* name, const char* unit, std::vector<double> values, std::vector<double> baseline,
                       const char* help) {
    Array& array = result.add(name, unit, axes, std::move(values));
    array.help = help;
    if (drawn) array.baseline = std::move(baseline);
  };
  add("information", "nats", std::move(of.information), of.null,
      "I(label; expert), plug-in, each token one unit. Baseline: mean where documents take the labels of others "
      "(place: "
      "turned within the document).");
  add("of_label", "of H(label)", std::move(of.ofLabel), std::move(of.ofLabelNull),
      "I(label; expert) / H(label): how much of the label a token's expert tells, 0 to 1.");
  add("of_routing", "of H(expert)", std::move(of.ofRouting), std::move(of.ofRoutingNull),
      "I(label; expert) / H(expert): how much of the routing the label explains. With k > 1 experts a token less than "
      "1 "
      "even where the label decides all of them.");
  add("symmetric", "", std::move(of.symmetric), std::move(of.symmetricNull),
      "2 I(label; expert) / (H(label) + H(expert)).");
  result.add("corrected", "nats", axes, std::move(of.corrected)).help =
      "I(label; expert) less (cells - labels - experts + 1) (E - k) / (E - 1) / (2 N k), what independent labels of N "
      "tokens would show (Miller and Madow 1955, with a token's k experts distinct). Tokens of a document are alike, "
      "which this does not know; the null does.";
  result.add("excess", "nats", axes, std::move(excess)).help = "I(label; expert) less the mean of the null.";
  if (!drawn) return;
  Array& null = result.add("information_null", "nats", axes, std::move(of.null));
  null.help = "I(label; expert) of the relabelled documents: mean and 95 % of the draws.";
  null.low = std::move(of.nullLow);
  null.high = std::move(of.nullHigh);
  result.add("p", "", axes, std::move(of.p)).help =
      "Share of the relabellings that tell as much or more, (1 + count) / (1 + draws).";
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  const Artifact& artifact = inputs.at("trace");
  TRY_DO(inspectTrace(artifact, set));
  TRY(trace, Trace::open(artifact.path));
  const TraceInfo& info = trace.info();
  TRY(filter, traceFilter(info, set));
  TRY(sample, sampleTokens(trace, filter, set.integer("tokens"), job));
  TRY(vocabulary, trace.vocabulary());
  const std::vector<TokenLabels> labels =
      tokenLabels(info, sample, vocabulary, set.integer("min_count"), set.integer("bins"));
  if (vocabulary.id.empty()) job.log("warning", "the trace holds no text of its ids: there are no character classes");
  const Draws draws = drawsOf(set, job);
  const std::size_t parts = info.layers.size() * (labels.size() + 1);
  Measured measured;
  for (std::size_t layer = 0; layer < info.layers.size(); ++layer) {
    std::size_t part = layer * (labels.size() + 1);
    TRY(experts, sampledExperts(trace, filter, sample, layer, pollOf(job, "reading a layer", part, parts)));
    for (const TokenLabels& of : labels) {
      ++part;
      if (of.of.empty()) {
        measured.addNothing();
        continue;
      }
      const TraceLayer& at = info.layers[layer];
      TRY(found, labelInformation(sample, of, experts, static_cast<std::size_t>(at.columns()),
                                  static_cast<std::size_t>(at.numExperts), draws,
                                  pollOf(job, "relabelling documents", part, parts)));
      measured.add(found);
    }
  }
  Axis names{.name = "label", .labels = {}};
  for (const TokenLabels& of : labels) names.labels.push_back(of.name);
  Result result{.axes = {layerAxis(info), names},
                .facts = {{"tokens", sample.size()},
                          {"documents", sample.pieces()},
                          {"domains", sample.domains},
                          {"of_tokens", sample.tokens},
                          {"of_documents", sample.documents},
                          {"source", artifact.title()},
                          {"operation", "specialise.information"}}};
  addValues(result, std::move(measured), draws.count > 0 && sample.pieces() > 1);
  return one("result", std::move(result),
             {{"tokens", sample.size()}, {"documents", sample.pieces()}, {"source", artifact.title()}});
}

}  // namespace

const Operation specialiseInformation{describe, estimate, run};

}  // namespace moescope
