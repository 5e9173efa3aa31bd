// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moescope {
namespace {

constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

double mean(std::span<const std::int64_t> counts) {
  return double(std::accumulate(counts.begin(), counts.end(), std::int64_t{0})) / double(counts.size());
}

double marginalEntropy(const LayerTally& layer) {
  double entropy = 0;
  for (double sum : layer.probability)
    if (const double p = sum / double(layer.tokens); p > 0) entropy -= p * std::log(p);
  return entropy;
}

// H / ln E; one expert has nothing to be uncertain about.
double normalised(double entropy, std::int64_t experts) {
  return experts > 1 ? entropy / std::log(double(experts)) : 0;
}

}  // namespace

void LayerTally::add(const LayerTally& other) {
  if (experts == 0) {
    *this = other;
    return;
  }
  tokens += other.tokens;
  dropped += other.dropped;
  entropy += other.entropy;
  squaredLogSumExp += other.squaredLogSumExp;
  largestLogit = std::max(largestLogit, other.largestLogit);
  for (std::size_t e = 0; e < chosen.size(); ++e) chosen[e] += other.chosen[e];
  for (std::size_t e = 0; e < probability.size(); ++e) probability[e] += other.probability[e];
}

double coefficientOfVariation(std::span<const std::int64_t> counts) {
  const double average = mean(counts);
  double squares = 0;
  for (std::int64_t count : counts) squares += (double(count) - average) * (double(count) - average);
  return average > 0 ? std::sqrt(squares / double(counts.size())) / average : unknown;
}

double coefficientOfVariationFloor(std::int64_t experts, std::int64_t topK, std::int64_t tokens) {
  return tokens > 0 ? std::sqrt(double(experts - topK) / (double(tokens) * double(topK))) : unknown;
}

double maximumViolation(std::span<const std::int64_t> counts) {
  const double average = mean(counts);
  return average > 0 ? double(*std::max_element(counts.begin(), counts.end())) / average - 1 : unknown;
}

double balanceOf(const LayerTally& layer) {
  double sum = 0;
  for (std::size_t e = 0; e < layer.chosen.size(); ++e) sum += double(layer.chosen[e]) * layer.probability[e];
  return sum * double(layer.experts) / (double(layer.topK) * double(layer.tokens) * double(layer.tokens));
}

std::vector<Metric> layerMetrics(std::span<const LayerTally> layers) {
  if (layers.empty()) return {};
  const auto count = std::int64_t(layers.size());
  std::int64_t widest = 0;
  for (const LayerTally& layer : layers) widest = std::max(widest, layer.experts);
  Metric load{"load", std::vector<double>(std::size_t(count * widest), unknown), {count, widest}};
  std::vector<Metric> rest;
  for (const char* name :
       {"cv", "cv_floor", "max_violation", "entropy", "marginal_entropy", "dropped", "router_z", "router_max"})
    rest.push_back({name, {}, {count}});
  for (std::int64_t l = 0; l < count; ++l) {
    const LayerTally& layer = layers[std::size_t(l)];
    const double tokens = double(layer.tokens);
    const double assignments = double(std::accumulate(layer.chosen.begin(), layer.chosen.end(), std::int64_t{0}));
    for (std::int64_t e = 0; e < layer.experts; ++e)
      load.values[std::size_t(l * widest + e)] =
          double(layer.chosen[std::size_t(e)]) * double(layer.experts) / assignments;
    const double values[] = {coefficientOfVariation(layer.chosen),
                             coefficientOfVariationFloor(layer.experts, layer.topK, layer.tokens),
                             maximumViolation(layer.chosen),
                             normalised(layer.entropy / tokens, layer.experts),
                             normalised(marginalEntropy(layer), layer.experts),
                             double(layer.dropped) / assignments,
                             layer.squaredLogSumExp / tokens,
                             layer.largestLogit};
    for (std::size_t i = 0; i < rest.size(); ++i) rest[i].values.push_back(values[i]);
  }
  rest.insert(rest.begin(), std::move(load));
  return rest;
}

}  // namespace moescope
