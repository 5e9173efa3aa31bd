// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/analysis/layer_confidence.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Named {
  ConfidenceMeans::Measure measure;
  const char *name, *unit, *help;
};
using M = ConfidenceMeans;
constexpr Named ofLogits[] = {
    {M::entropy, "entropy", "",
     "Entropy of a token's router probabilities over its largest value ln E, mean over tokens."},
    {M::mass, "top_k_mass", "", "Sum of as many largest probabilities as the token has experts."},
    {M::gap, "probability_gap", "", "Largest probability less the second."},
    {M::margin, "margin", "logits",
     "Least logit of a chosen expert less the largest of another. Negative where a bias, groups or noise overruled the "
     "logits."},
    {M::marginScore, "margin_score", "", "The same of probabilities."},
    {M::overruled, "overruled", "share of tokens",
     "Tokens whose chosen experts are not those with the largest logits."},
    {M::scale, "logit_scale", "logits",
     "Population deviation of a token's logits over the experts: large ones are a low temperature."}};
constexpr Named ofBias[] = {{M::marginSelection, "margin_selection", "",
                             "The margin in score + selection bias, by which the experts are chosen."},
                            {M::overruledSelection, "overruled_selection", "share of tokens",
                             "Tokens whose chosen experts are not those with the largest score + bias."}};
constexpr Named ofWeights[] = {
    {M::weightGap, "weight_gap", "", "First combine weight less the second, over the sum of the token's weights."},
    {M::weightEntropy, "weight_entropy", "",
     "Entropy of the token's combine weights as shares of their sum, over ln of how many it has."}};

class Adding {
 public:
  Adding(Result& result, const std::vector<ConfidenceOfLayer>& layers) : result_(result), layers_(layers) {}

  void means(std::span<const Named> list) {
    for (const Named& named : list) {
      std::vector<double> mean, low, high;
      for (const ConfidenceOfLayer& layer : layers_) {
        mean.push_back(layer.means.mean[named.measure]);
        low.push_back(layer.means.interval[named.measure].low);
        high.push_back(layer.means.interval[named.measure].high);
      }
      Array& array = result_.add(named.name, named.unit, {"layer"}, std::move(mean));
      array.help = named.help;
      keepInterval(array, std::move(low), std::move(high));
    }
  }

  // [layer, axis] of lists that may be shorter in some layers; `extent` places of the axis.
  Array& lists(const char* name, const char* unit, const char* axis, std::size_t extent,
               const std::vector<double>& (*of)(const ConfidenceOfLayer&)) {
    std::vector<double> values;
    for (const ConfidenceOfLayer& layer : layers_) {
      std::vector<double> row = of(layer);
      row.resize(extent, nan);
      values.insert(values.end(), row.begin(), row.end());
    }
    return result_.add(name, unit, {"layer", axis}, std::move(values));
  }

  static void keepInterval(Array& array, std::vector<double> low, std::vector<double> high) {
    if (std::all_of(low.begin(), low.end(), [](double value) { return std::isnan(value); })) return;
    array.low = std::move(low);
    array.high = std::move(high);
  }

 private:
  Result& result_;
  const std::vector<ConfidenceOfLayer>& layers_;
};

Axis numbered(const char* name, std::size_t extent) {
  Axis axis{.name = name, .labels = {}};
  for (std::size_t at = 1; at <= extent; ++at) axis.labels.push_back(std::to_string(at));
  return axis;
}

void addEntropies(Result& result, const std::vector<ConfidenceOfLayer>& layers) {
  constexpr std::size_t bins = ConfidenceOfLayer::entropyBins;
  Axis axis{.name = "entropy_bin", .labels = {}};
  for (std::size_t bin = 0; bin < bins; ++bin)
    axis.labels.push_back(fmt::format("{:.3g}", static_cast<double>(bin) / static_cast<double>(bins)));
  std::vector<double> shares;
  for (const ConfidenceOfLayer& layer : layers)
    for (std::int64_t count : layer.entropies)
      shares.push_back(layer.withLogits > 0 ? static_cast<double>(count) / static_cast<double>(layer.withLogits) : nan);
  result.axes.push_back(std::move(axis));
  result.add("entropy_histogram", "share of tokens", {"layer", "entropy_bin"}, std::move(shares)).help =
      "Share of the tokens whose normalised entropy lies in the bin that begins there; 64 bins.";
}

void addMargins(Result& result, const std::vector<ConfidenceOfLayer>& layers) {
  double reach = 0;
  for (const ConfidenceOfLayer& layer : layers) reach = std::max(reach, layer.margins.reach());
  std::vector<GrowingHistogram> histograms;
  std::size_t first = GrowingHistogram::bins, last = 0;
  for (const ConfidenceOfLayer& layer : layers) {
    histograms.push_back(layer.margins);
    histograms.back().growTo(reach);
    for (std::size_t bin = 0; bin < GrowingHistogram::bins; ++bin)
      if (histograms.back().counts()[bin] > 0) {
        first = std::min(first, bin);
        last = std::max(last, bin + 1);
      }
  }
  Axis axis{.name = "margin_bin", .labels = {}};
  for (std::size_t bin = first; bin < last; ++bin)
    axis.labels.push_back(fmt::format("{:.4g}", histograms.front().lower(bin)));
  std::vector<double> shares;
  for (std::size_t layer = 0; layer < layers.size(); ++layer)
    for (std::size_t bin = first; bin < last; ++bin)
      shares.push_back(static_cast<double>(histograms[layer].counts()[bin]) /
                       static_cast<double>(layers[layer].withLogits));
  result.axes.push_back(std::move(axis));
  result.add("margin_histogram", "share of tokens", {"layer", "margin_bin"}, std::move(shares)).help =
      "Share of the tokens whose margin in logits lies in the bin that begins there.";
}

void addFragility(Result& result, const std::vector<ConfidenceOfLayer>& layers, const ConfidenceRequest& request) {
  Axis axis{.name = "sigma", .labels = {}};
  for (double sigma : request.sigmas) axis.labels.push_back(fmt::format("σ = {:g}", sigma));
  result.axes.push_back(std::move(axis));
  Adding(result, layers)
      .lists("fragility", "share of tokens", "sigma", request.sigmas.size(),
             [](const ConfidenceOfLayer& layer) -> const std::vector<double>& { return layer.fragility; })
      .help = fmt::format(
      "Share of the tokens whose experts, by largest score, change when independent normal noise of deviation sigma is "
      "added to every logit; of {} tokens, evenly spaced. Limits on groups of experts are not applied.",
      layers.front().sampled);
  std::vector<double> rounded;
  for (const ConfidenceOfLayer& layer : layers) rounded.push_back(layer.rounded);
  result.add("fragility_bf16", "share of tokens", {"layer"}, std::move(rounded)).help =
      "Share of the same tokens whose experts change when the logits are rounded to bfloat16; a router computed in "
      "bfloat16 errs at least as much.";
}

void addLosses(Result& result, const std::vector<ConfidenceOfLayer>& layers, const TraceInfo& info) {
  result.axes.push_back({.name = "measure", .labels = lossMeasures(info)});
  result.axes.push_back(numbered("decile", LossCorrelation::deciles));
  std::vector<double> rho, low, high, byDecile;
  for (const ConfidenceOfLayer& layer : layers) {
    for (const LossCorrelation& of : layer.losses) {
      rho.push_back(of.rho);
      low.push_back(of.interval.low);
      high.push_back(of.interval.high);
    }
    byDecile.insert(byDecile.end(), layer.losses.front().lossByDecile.begin(), layer.losses.front().lossByDecile.end());
  }
  Array& array = result.add("loss_correlation", "", {"layer", "measure"}, std::move(rho));
  array.help =
      "Spearman's rank correlation over tokens with the loss of the next token, both in 100 bins of equally many "
      "tokens; the interval resamples whole documents and ranks anew.";
  Adding::keepInterval(array, std::move(low), std::move(high));
  result.add("loss_by_decile", "nats", {"layer", "decile"}, std::move(byDecile)).help =
      std::string("Mean loss of the tokens in each tenth of ") +
      (info.hasLogits ? "normalised entropy" : "the gap of the combine weights") + ", least first.";
}

}  // namespace

void addConfidence(Result& result, const std::vector<ConfidenceOfLayer>& layers, const CountedTrace& counting,
                   const ConfidenceRequest& request) {
  Adding adding(result, layers);
  std::size_t ranks = 0, weightRanks = 0;
  bool biased = false;
  for (const ConfidenceOfLayer& layer : layers) {
    ranks = std::max(ranks, layer.curve.size());
    weightRanks = std::max(weightRanks, layer.weightCurve.size());
    biased = biased || !std::isnan(layer.means.mean[M::marginSelection]);
  }
  if (counting.info.hasLogits) {
    adding.means(ofLogits);
    if (biased) adding.means(ofBias);
    adding
        .lists("entropy_by_domain", "", "domain", counting.info.domains.size(),
               [](const ConfidenceOfLayer& layer) -> const std::vector<double>& { return layer.entropyByDomain; })
        .help = "Mean normalised entropy of the tokens of each domain.";
    result.axes.push_back(numbered("rank", ranks));
    adding
        .lists("probability_curve", "", "rank", ranks,
               [](const ConfidenceOfLayer& layer) -> const std::vector<double>& { return layer.curve; })
        .help = "Mean over tokens of the r-th largest router probability.";
    addEntropies(result, layers);
    addMargins(result, layers);
    addFragility(result, layers, request);
  }
  adding.means(ofWeights);
  result.axes.push_back(numbered("weight_rank", weightRanks));
  adding
      .lists("weight_curve", "", "weight_rank", weightRanks,
             [](const ConfidenceOfLayer& layer) -> const std::vector<double>& { return layer.weightCurve; })
      .help = "Mean over tokens of the share that the expert chosen at this rank has of the token's combine weights.";
  if (counting.info.hasLoss) addLosses(result, layers, counting.info);
}

}  // namespace moescope
