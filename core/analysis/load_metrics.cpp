// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/load_metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double total(std::span<const double> counts) {
  return std::accumulate(counts.begin(), counts.end(), 0.0);
}

double variation(std::span<const double> counts) {
  const auto experts = static_cast<double>(counts.size());
  const double mean = total(counts) / experts;
  double squares = 0;
  for (double count : counts) squares += (count - mean) * (count - mean);
  return mean > 0 ? std::sqrt(squares / experts) / mean : nan;
}

double maxViolation(std::span<const double> counts) {
  const double mean = total(counts) / static_cast<double>(counts.size());
  return mean > 0 ? *std::max_element(counts.begin(), counts.end()) / mean - 1 : nan;
}

double gini(std::span<const double> counts) {
  std::vector<double> ascending(counts.begin(), counts.end());
  std::sort(ascending.begin(), ascending.end());
  const auto experts = static_cast<double>(counts.size());
  double ranked = 0;
  for (std::size_t at = 0; at < ascending.size(); ++at)
    ranked += (2 * static_cast<double>(at + 1) - experts - 1) * ascending[at];
  const double sum = total(counts);
  return sum > 0 ? ranked / (experts * sum) : nan;
}

double entropyNats(std::span<const double> counts) {
  const double sum = total(counts);
  if (!(sum > 0)) return nan;
  double entropy = 0;
  for (double count : counts)
    if (count > 0) entropy -= count / sum * std::log(count / sum);
  return entropy;
}

double normalisedEntropy(std::span<const double> counts) {
  const double entropy = entropyNats(counts);
  return counts.size() == 1 && !std::isnan(entropy) ? 1 : entropy / std::log(static_cast<double>(counts.size()));
}

double jain(std::span<const double> counts) {
  const double sum = total(counts), squares = std::inner_product(counts.begin(), counts.end(), counts.begin(), 0.0);
  return sum > 0 ? sum * sum / (static_cast<double>(counts.size()) * squares) : nan;
}

double effectiveExperts(std::span<const double> counts) {
  return std::exp(entropyNats(counts));
}

double dead(std::span<const double> counts) {
  return total(counts) > 0 ? static_cast<double>(std::count(counts.begin(), counts.end(), 0.0)) : nan;
}

double cold(std::span<const double> counts) {
  const double few = 0.1 * total(counts) / static_cast<double>(counts.size());
  return few > 0 ? static_cast<double>(
                       std::count_if(counts.begin(), counts.end(), [&](double n) { return n > 0 && n < few; }))
                 : nan;
}

double hot(std::span<const double> counts) {
  const double many = 2 * total(counts) / static_cast<double>(counts.size());
  return many > 0 ? static_cast<double>(std::count_if(counts.begin(), counts.end(), [&](double n) { return n > many; }))
                  : nan;
}

}  // namespace

const std::vector<LoadMetric>& loadMetrics() {
  static const std::vector<LoadMetric> metrics{
      {"cv", "",
       "Coefficient of variation, population standard deviation / mean of the counts by expert; 0 to sqrt(E/k - 1). "
       "Its floor is the root mean square sqrt((E - k) / (N k)). Shazeer et al. 2017.",
       variation, balancedVariation},
      {"max_violation", "", "Largest count / mean count - 1, over the whole trace (MaxVio global). Wang et al. 2024.",
       maxViolation},
      {"gini", "", "Gini coefficient sum (2i - E - 1) n(i) / (E sum n), counts ascending; 0 to 1 - 1/E.", gini},
      {"entropy", "", "Entropy of the experts' shares over its largest value, H / ln E; 1 is even.", normalisedEntropy},
      {"jain", "", "Jain's index (sum n)^2 / (E sum n^2) = 1 / (1 + CV^2); 1 is even. Jain, Chiu and Hawe 1984.", jain},
      {"effective_experts", "experts",
       "exp H of the experts' shares: as many experts with equal load are as diverse (Hill number of order 1).",
       effectiveExperts},
      {"dead", "experts",
       "Experts without a token. No token in N bounds an expert's rate by 3/N (95 %), it does not prove it zero. "
       "The floor is E (1 - k/E)^N.",
       dead, balancedDead},
      {"cold", "experts", "Experts with some tokens but less than a tenth of the fair share.", cold},
      {"hot", "experts", "Experts with more than twice the fair share.", hot},
  };
  return metrics;
}

std::vector<double> loadFloors(const RoutedTotals& totals) {
  const std::vector<LoadMetric>& metrics = loadMetrics();
  std::vector<double> floors =
      simulateBalanced(totals, metrics.size(), [&](std::span<const double> counts, std::span<double> into) {
        for (std::size_t at = 0; at < metrics.size(); ++at)
          into[at] = metrics[at].floor == nullptr ? metrics[at].of(counts) : 0;
      });
  for (std::size_t at = 0; at < metrics.size(); ++at)
    if (metrics[at].floor != nullptr) floors[at] = metrics[at].floor(totals);
  return floors;
}

std::vector<double> utilisation(std::span<const double> counts) {
  const double mean = total(counts) / static_cast<double>(counts.size());
  std::vector<double> ratio;
  for (double count : counts) ratio.push_back(mean > 0 ? count / mean : nan);
  return ratio;
}

}  // namespace moescope
