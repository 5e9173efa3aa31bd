// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/analysis/operations.h"
#include "core/analysis/type_table.h"
#include "core/analysis/vocabulary_null.h"
#include "core/result/utf8.h"
#include "core/statistics/distributions.h"
#include "core/statistics/multiple_testing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double discovery = 0.05;
constexpr std::size_t mostRows = 20000;  // of the table of types

std::vector<Parameter> parameters() {
  return withTraceFilters(
      {choice("role", "input",
              {{"input", "the token that was read"},
               {"predicted", "the token that the model expects next; needs a trace that holds it"},
               {"next", "the token that does come next"}},
              "what a token's type is taken from, for everything but the scores of all roles"),
       integer(
           "min_count", 10, 1, 1e9, "tokens",
           "that a type needs to be counted; 1 is what OLMoE's script does for its averages, and lets a type of one "
           "token score 100 %"),
       integer("top", 15, 1, 1000, "types", "listed of each expert"),
       integer("choices", 0, 0, 1024, "",
               "of each token count only the first so many experts; 0 = all of them, 1 = routing by first choice")
           .secondary(),
       integer("bins", 20, 2, 200, "", "of the histogram of shares").secondary()});
}

Description describe() {
  return {
      .id = "specialise.vocabulary",
      .title = "Vocabulary specialisation",
      .help =
          "Which token types each expert takes (OLMoE, Muennighoff et al. 2024). VS(e,v) is the share of the tokens "
          "of type v that have expert e among their k. A type belongs to the expert with its largest share; the "
          "score of a layer is the mean of this largest share over types, unweighted, that of an expert the mean "
          "over its own types. Types rarer than min_count are left out, because one token alone scores 100 %. "
          "The baseline is what tokens give that take their experts by overall rates alone; q of a type is "
          "Benjamini and Hochberg's over the layer's types, of the binomial tail of its largest share times the "
          "number of experts. Divergence is the Jensen-Shannon divergence, in bits, of the expert's types from the "
          "layer's, against its expectation for a multinomial sample of the same size.",
      .page = "Specialisation",
      .in = {{"trace", Kind::trace}},
      .out = {{"result", Kind::result}},
      .parameters = parameters(),
      .figures =
          {lines("score", {"score"})
               .over({"layer", "role"})
               .floor("baseline")
               .option("floor_words", "what types of these counts give by chance")
               .titled("Vocabulary specialisation"),
           table("types", {"types"}).titled("Types that an expert takes"),
           heatMap("experts", "expert_score")
               .over({"layer", "expert"})
               .scale("sequential")
               .titled("Vocabulary specialisation of each expert"),
           heatMap("owned", "owned").over({"layer", "expert"}).scale("sequential").titled("Types of each expert"),
           lines("shares", {"histogram"})
               .over({"bin", "expert"})
               .at("layer")
               .option("logarithmic", true)
               .titled("Shares of the types that an expert takes"),
           histogram("largest", "largest_share").over({"bin"}).at("layer").titled("Types by their largest share"),
           histogram("divergences", "divergence")
               .over({"expert"})
               .at("layer")
               .option("null", "divergence_null")
               .titled("Divergence of the experts' types, and by chance"),
           heatMap("divergence", "excess_divergence")
               .over({"layer", "expert"})
               .scale("sequential")
               .titled("Divergence of each expert's types beyond chance")},
      .interactive = false,
      .example =
          "moescope-cli run specialise.vocabulary --study S --in trace=t --set role=next --set min_count=20 --name v"};
}

TokenRole roleOf(const Parameters& set) {
  const auto at = std::ranges::find(roleNames, set.text("role"));
  return TokenRole(at - roleNames.begin());
}

Expected<Cost> estimate(const Inputs& inputs, const Parameters& set) {
  TRY(info, inspectTrace(inputs.at("trace"), set));
  if (roleOf(set) == TokenRole::predicted && !info.hasPredicted)
    return usageError(
        "the trace does not hold the ids that the model predicted: capture it with --set predicted=true, or take the "
        "role input or next");
  TRY(trace, Trace::open(inputs.at("trace").path));
  double most = 0;
  for (const TraceLayer& layer : info.layers) most = std::max(most, static_cast<double>(layer.numExperts));
  const auto tokens = static_cast<double>(trace.tokens());
  const double types = std::min(3e5, tokens / static_cast<double>(set.integer("min_count")));
  const auto layers = static_cast<double>(info.layers.size());
  return Cost{.bytes = static_cast<std::uint64_t>(8 * layers * most * (6 + static_cast<double>(set.integer("bins")))) +
                       (1u << 20),
              .memory = static_cast<std::uint64_t>(3 * 4 * types * most) + (96u << 20),
              .seconds = 0.5 + layers * (1e-7 * tokens + 3e-8 * types * most)};
}

// What one layer's table of types says.
struct TypeScores {
  double score = nan, null = nan, weighted = nan;
  std::vector<double> share;       // by type: the largest
  std::vector<std::size_t> owner;  // by type: whose, ties by number
};

TypeScores scoresOf(const TypeTable& table, const TokenTypes& types) {
  TypeScores scores;
  double sum = 0, routed = 0, tokens = 0;
  for (std::size_t type = 0; type < types.id.size(); ++type) {
    const auto row = std::span(table.count).subspan(type * table.experts, table.experts);
    const auto most = std::ranges::max_element(row);
    scores.owner.push_back(static_cast<std::size_t>(most - row.begin()));
    scores.share.push_back(*most / static_cast<double>(types.count[type]));
    sum += scores.share.back();
    routed += *most;
    tokens += static_cast<double>(types.count[type]);
  }
  if (types.id.empty()) return scores;
  scores.score = sum / static_cast<double>(types.id.size());
  scores.weighted = routed / tokens;
  return scores;
}

std::vector<double> ratesOf(const TypeTable& table, const TokenTypes& types) {
  std::vector<double> rates;
  for (std::int64_t routed : table.routed)
    rates.push_back(types.tokens > 0 ? static_cast<double>(routed) / static_cast<double>(types.tokens) : 0);
  return rates;
}

double nullScore(const TypeTable& table, const TokenTypes& types) {
  MaxShareNull null(ratesOf(table, types));
  double sum = 0;
  for (std::int64_t count : types.count) sum += null.at(count);
  return types.count.empty() ? nan : sum / static_cast<double>(types.count.size());
}

// q of each type's largest share: the binomial tail at its owner's rate, times the experts that might have been it.
std::vector<double> qOf(const TypeTable& table, const TokenTypes& types, const TypeScores& scores) {
  const std::vector<double> rates = ratesOf(table, types);
  std::vector<double> p;
  for (std::size_t type = 0; type < types.id.size(); ++type) {
    const auto tokens = static_cast<double>(types.count[type]);
    p.push_back(
        std::min(1.0, static_cast<double>(table.experts) *
                          binomialAtLeast(std::round(scores.share[type] * tokens), tokens, rates[scores.owner[type]])));
  }
  return benjaminiHochberg(p);
}

// Everything of the chosen role, over layers; padded as arrays over experts are.
struct Details {
  std::vector<double> expertScore, owned, divergence, divergenceNull, histogram, largest, specific;
  std::vector<double> layers, experts, ids, counts, shares, lifts, qs;  // columns of the table of types
  std::vector<std::string> texts;
};

class DetailMaker {
 public:
  DetailMaker(const TraceInfo& info, const Vocabulary& vocabulary, const Parameters& set)
      : info_(info), vocabulary_(vocabulary), bins_(static_cast<std::size_t>(set.integer("bins"))) {
    most_ = expertAxis(info).labels.size();
    std::size_t experts = 0;
    for (const TraceLayer& layer : info.layers) experts += static_cast<std::size_t>(layer.numExperts);
    top_ = std::min(static_cast<std::size_t>(set.integer("top")), std::max<std::size_t>(1, mostRows / experts));
    for (auto* values : {&made.expertScore, &made.divergence, &made.divergenceNull})
      values->assign(info.layers.size() * most_, nan);
    made.owned.assign(info.layers.size() * most_, -1);
    made.histogram.assign(info.layers.size() * bins_ * most_, -1);
  }

  void add(std::size_t layer, const TypeTable& table, const TokenTypes& types, const TypeScores& scores) {
    const std::vector<double> q = qOf(table, types, scores);
    made.specific.push_back(
        static_cast<double>(std::ranges::count_if(q, [](double value) { return value <= discovery; })));
    addOwners(layer, table, scores);
    addDivergence(layer, table, types);
    addHistogram(layer, table, types);
    made.largest.resize((layer + 1) * bins_);
    for (double share : scores.share) ++made.largest[layer * bins_ + binOf(share)];
    addTypes(layer, table, types, scores, q);
  }
  std::size_t top() const { return top_; }

  Details made;

 private:
  void addOwners(std::size_t layer, const TypeTable& table, const TypeScores& scores) {
    std::vector<double> sum(table.experts), owned(table.experts);
    for (std::size_t type = 0; type < scores.owner.size(); ++type) {
      sum[scores.owner[type]] += scores.share[type];
      ++owned[scores.owner[type]];
    }
    for (std::size_t e = 0; e < table.experts; ++e) {
      made.owned[layer * most_ + e] = owned[e];
      if (owned[e] > 0) made.expertScore[layer * most_ + e] = sum[e] / owned[e];
    }
  }

  void addDivergence(std::size_t layer, const TypeTable& table, const TokenTypes& types) {
    const std::vector<double> all(types.count.begin(), types.count.end());
    std::vector<double> own(all.size());
    for (std::size_t e = 0; e < table.experts; ++e) {
      for (std::size_t type = 0; type < own.size(); ++type) own[type] = table.count[type * table.experts + e];
      made.divergence[layer * most_ + e] = jensenShannon(own, all);
      made.divergenceNull[layer * most_ + e] = jensenShannonNull(std::accumulate(own.begin(), own.end(), 0.0), all);
    }
  }

  std::size_t binOf(double share) const {
    return std::min(bins_ - 1, static_cast<std::size_t>(share * static_cast<double>(bins_)));
  }

  void addHistogram(std::size_t layer, const TypeTable& table, const TokenTypes& types) {
    double* into = made.histogram.data() + layer * bins_ * most_;
    for (std::size_t bin = 0; bin < bins_; ++bin) std::fill_n(into + bin * most_, table.experts, 0);
    for (std::size_t at = 0; at < table.count.size(); ++at) {
      const double share = table.count[at] / static_cast<double>(types.count[at / table.experts]);
      ++into[binOf(share) * most_ + at % table.experts];
    }
  }

  void addTypes(std::size_t layer, const TypeTable& table, const TokenTypes& types, const TypeScores& scores,
                const std::vector<double>& q) {
    const std::vector<double> rates = ratesOf(table, types);
    std::vector<std::vector<std::size_t>> own(table.experts);
    for (std::size_t type = 0; type < scores.owner.size(); ++type) own[scores.owner[type]].push_back(type);
    for (std::size_t e = 0; e < table.experts; ++e) {
      std::ranges::stable_sort(own[e], [&](std::size_t a, std::size_t b) {
        return scores.share[a] != scores.share[b] ? scores.share[a] > scores.share[b] : types.count[a] > types.count[b];
      });
      own[e].resize(std::min(own[e].size(), top_));
      for (std::size_t type : own[e]) {
        made.layers.push_back(static_cast<double>(layer));
        made.experts.push_back(static_cast<double>(e));
        made.ids.push_back(types.id[type]);
        const std::string* bytes = vocabulary_.find(types.id[type]);
        made.texts.push_back(bytes ? visible(*bytes) : fmt::format("[{}]", types.id[type]));
        made.counts.push_back(static_cast<double>(types.count[type]));
        made.shares.push_back(scores.share[type]);
        made.lifts.push_back(scores.share[type] / rates[e]);
        made.qs.push_back(q[type]);
      }
    }
  }

  const TraceInfo& info_;
  const Vocabulary& vocabulary_;
  std::size_t bins_, most_ = 0, top_ = 0;
};

Axis binAxis(std::int64_t bins) {
  Axis axis{.name = "bin", .labels = {}};
  for (std::int64_t bin = 0; bin < bins; ++bin)
    axis.labels.push_back(fmt::format("{:.4g}", static_cast<double>(bin) / static_cast<double>(bins)));
  return axis;
}

void addDetails(Result& result, Details made) {
  const std::vector<std::string> cells{"layer", "expert"};
  result.add("expert_score", "of its types' tokens", cells, std::move(made.expertScore)).help =
      "Mean, over the types whose largest share is the expert's, of that share; none where it has no type.";
  result.addWhole("owned", "types", cells, std::move(made.owned)).help =
      "Types whose largest share is the expert's, ties to the lower number.";
  std::vector<double> excess = made.divergence;
  for (std::size_t at = 0; at < excess.size(); ++at) excess[at] -= made.divergenceNull[at];
  Array& divergence = result.add("divergence", "bits", cells, std::move(made.divergence));
  divergence.help =
      "Jensen-Shannon divergence between the types of the expert's tokens and those of the layer's, each type a "
      "cluster "
      "of its own. Baseline: expectation for a multinomial sample of as many tokens.";
  divergence.baseline = made.divergenceNull;
  result.add("divergence_null", "bits", cells, std::move(made.divergenceNull)).help =
      "Expectation of the divergence for a multinomial sample of as many tokens as the expert has.";
  result.add("excess_divergence", "bits", cells, std::move(excess)).help = "Divergence less its expectation by chance.";
  result.addWhole("histogram", "types", {"layer", "bin", "expert"}, std::move(made.histogram)).help =
      "Types by the share of their tokens that the expert takes; bins are named by their lower edge. Fair share k/E.";
  result.addWhole("largest_share", "types", {"layer", "bin"}, std::move(made.largest)).help =
      "Types by the largest share of their tokens that one expert takes; bins are named by their lower edge.";
  result.addWhole("specific", "types", {"layer"}, std::move(made.specific)).help =
      "Types whose largest share stands out of chance, q <= 0.05.";
  result.add("types", Table{.columns = {{"layer", "", std::move(made.layers)},
                                        {"expert", "", std::move(made.experts)},
                                        {"token", "", std::move(made.texts)},
                                        {"id", "", std::move(made.ids)},
                                        {"share", "of the type's tokens", std::move(made.shares)},
                                        {"lift", "x overall rate", std::move(made.lifts)},
                                        {"tokens", "", std::move(made.counts)},
                                        {"q", "", std::move(made.qs)}}});
}

Expected<Outputs> run(const Inputs& inputs, const Parameters& set, Job& job) {
  const Artifact& artifact = inputs.at("trace");
  TRY_DO(estimate(inputs, set));
  TRY(trace, Trace::open(artifact.path));
  const TraceInfo& info = trace.info();
  TRY(filter, traceFilter(info, set));
  TRY(types, readTypes(trace, filter, set.integer("min_count"), job));
  TRY(vocabulary, trace.vocabulary());
  const auto role = std::size_t(roleOf(set));
  if (types.byRole[role]->id.empty())
    job.log("warning", fmt::format("none of the {} types occurs {} times: lower min_count, or capture more tokens",
                                   types.byRole[role]->types, set.integer("min_count")));
  DetailMaker details(info, vocabulary, set);
  if (details.top() < static_cast<std::size_t>(set.integer("top")))
    job.log("info", fmt::format("{} types of each expert are listed, so that the table stays below {} rows",
                                details.top(), mostRows));
  std::vector<double> score, null, weighted;
  for (std::size_t layer = 0; layer < info.layers.size(); ++layer) {
    TRY(tables, tabulateTypes(trace, filter, types, layer, set.integer("choices"),
                              pollOf(job, "counting types by expert", layer, info.layers.size())));
    for (std::size_t each = 0; each < roleNames.size(); ++each) {
      const std::optional<TokenTypes>& of = types.byRole[each];
      const TypeScores scores = of ? scoresOf(tables[each], *of) : TypeScores{};
      score.push_back(scores.score);
      weighted.push_back(scores.weighted);
      null.push_back(of ? nullScore(tables[each], *of) : nan);
      if (each == role) details.add(layer, tables[each], *of, scores);
    }
  }
  Result result{.axes = {layerAxis(info),
                         expertAxis(info),
                         binAxis(set.integer("bins")),
                         {.name = "role", .labels = {"input id", "predicted next id", "next id"}}},
                .facts = {{"tokens", types.tokens},
                          {"documents", types.documents},
                          {"domains", types.domains},
                          {"types", types.byRole[role]->types},
                          {"types_counted", types.byRole[role]->id.size()},
                          {"min_count", set.integer("min_count")},
                          {"role", set.text("role")},
                          {"source", artifact.title()},
                          {"operation", "specialise.vocabulary"}}};
  Array& scores = result.add("score", "of a type's tokens", {"layer", "role"}, std::move(score));
  scores.help =
      "Mean over token types of the largest share VS(e,v) of an expert; types rarer than min_count left out. Baseline: "
      "tokens that take their experts by overall rates alone.";
  scores.baseline = std::move(null);
  result.add("weighted_score", "of tokens", {"layer", "role"}, std::move(weighted)).help =
      "Share of the tokens that their type's first expert takes: the same mean weighted by how often a type occurs. 1 "
      "where the id alone decides (context-independent routing, OpenMoE).";
  addDetails(result, std::move(details.made));
  return one("result", std::move(result),
             {{"tokens", types.tokens},
              {"documents", types.documents},
              {"layers", info.layers.size()},
              {"types", types.byRole[role]->id.size()},
              {"source", artifact.title()}});
}

}  // namespace

const Operation specialiseVocabulary{describe, estimate, run};

}  // namespace moescope
