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

double maxOverMean(std::span<const double> counts) {
  return maxViolation(counts) + 1;
}

double minOverMean(std::span<const double> counts) {
  const double mean = total(counts) / static_cast<double>(counts.size());
  return mean > 0 ? *std::min_element(counts.begin(), counts.end()) / mean : nan;
}

double divergence(std::span<const double> counts) {
  const double below = std::log(static_cast<double>(counts.size())) - entropyNats(counts);
  return below < 0 ? 0 : below;  // rounding
}

double effectiveExperts2(std::span<const double> counts) {
  return static_cast<double>(counts.size()) * jain(counts);
}

}  // namespace

const std::vector<LoadMetric>& loadMetrics() {
  static const std::vector<LoadMetric> metrics{
      {"cv", "", "population deviation / mean of counts; 0 to sqrt(E/k - 1)",
       "Coefficient of variation, population standard deviation / mean of the counts by expert; 0 to sqrt(E/k - 1). "
       "Its floor is the root mean square sqrt((E - k) / (N k)). Shazeer et al. 2017, whose losses take its square.",
       variation, balancedVariation},
      {"max_violation", "", "max / mean - 1, whole trace (MaxVio global)",
       "Largest count / mean count - 1, over the whole trace (MaxVio global). Wang et al. 2024.", maxViolation},
      {"gini", "", "0 to 1 - 1/E",
       "Gini coefficient sum (2i - E - 1) n(i) / (E sum n), counts ascending; 0 to 1 - 1/E.", gini},
      {"entropy", "", "H / ln E; 1 is even",
       "Entropy of the experts' shares over its largest value, H / ln E; 1 is even.", normalisedEntropy},
      {"jain", "", "1 / (1 + CV^2); 1 is even",
       "Jain's index (sum n)^2 / (E sum n^2) = 1 / (1 + CV^2); 1 is even. Jain, Chiu and Hawe 1984.", jain},
      {"effective_experts", "experts", "exp H (Hill number of order 1)",
       "exp H of the experts' shares: as many experts with equal load are as diverse (Hill number of order 1).",
       effectiveExperts},
      {"dead", "experts", "no token in the whole trace",
       "Experts without a token. No token in N bounds an expert's rate by 3/N (95 %), it does not prove it zero. "
       "The floor is E (1 - k/E)^N.",
       dead, balancedDead},
      {"cold", "experts", "some token, below 0.1 x fair share",
       "Experts with some tokens but less than a tenth of the fair share.", cold},
      {"hot", "experts", "above 2 x fair share", "Experts with more than twice the fair share.", hot},
      {"max_over_mean", "", "max / mean = MaxVio + 1 (overload factor)",
       "Largest count / mean count, the overload factor: MaxVio + 1.", maxOverMean},
      {"min_over_mean", "", "min / mean; 1 is even", "Least count / mean count.", minOverMean},
      {"kl_uniform", "nats", "ln E - H, from uniform shares",
       "Kullback-Leibler divergence of the experts' shares from uniform ones, ln E - H.", divergence},
      {"effective_experts_2", "experts", "1 / sum f^2 = E x Jain (Hill number of order 2)",
       "1 / sum f^2 = E times Jain's index (Hill number of order 2).", effectiveExperts2},
  };
  return metrics;
}

std::vector<double> foldToRanks(std::span<const double> counts, std::int64_t ranks) {
  std::vector<double> loads(ranks);
  for (std::size_t e = 0; e < counts.size(); ++e)
    loads[e * static_cast<std::size_t>(ranks) / counts.size()] += counts[e];
  return loads;
}

double balancedness(std::span<const double> loads) {
  const double most = *std::max_element(loads.begin(), loads.end());
  return most > 0 ? total(loads) / static_cast<double>(loads.size()) / most : nan;
}

std::vector<LoadMetric> rankMetrics(std::int64_t ranks) {
  return {
      {"balancedness", "", "mean / max over ranks, of one layer; 1 is even",
       "Mean load over the ranks / largest, in each layer: 1 is even, 1 / ranks all on one. Experts lie on the ranks "
       "in equal runs. The mean over layers is SGLang's balancedness; a reduction over layers first would hide every "
       "imbalance.",
       [ranks](std::span<const double> counts) { return balancedness(foldToRanks(counts, ranks)); }},
      {"rank_overload", "", "max / mean over ranks, of one layer; 1 is even",
       "Largest load over the ranks / mean: how much longer than an even split the slowest rank computes.",
       [ranks](std::span<const double> counts) { return 1 / balancedness(foldToRanks(counts, ranks)); }}};
}

std::vector<double> loadFloors(const RoutedTotals& totals, const std::vector<LoadMetric>& metrics) {
  std::vector<double> floors =
      simulateBalanced(totals, metrics.size(), [&](std::span<const double> counts, std::span<double> into) {
        for (std::size_t at = 0; at < metrics.size(); ++at)
          into[at] = metrics[at].floor == nullptr ? metrics[at].of(counts) : 0;
      });
  for (std::size_t at = 0; at < metrics.size(); ++at)
    if (metrics[at].floor != nullptr) floors[at] = metrics[at].floor(totals);
  return floors;
}

std::vector<double> lorenzCurve(std::span<const double> counts, std::size_t points) {
  const double sum = total(counts);
  if (!(sum > 0)) return {};
  std::vector<double> cumulative(counts.begin(), counts.end());
  std::sort(cumulative.begin(), cumulative.end());
  std::partial_sum(cumulative.begin(), cumulative.end(), cumulative.begin());
  cumulative.insert(cumulative.begin(), 0);
  std::vector<double> curve;
  for (std::size_t point = 0; point < points; ++point) {
    const double place = static_cast<double>(point * counts.size()) / static_cast<double>(points - 1);
    const auto below = std::min(static_cast<std::size_t>(place), counts.size() - 1);
    const double part = place - static_cast<double>(below);
    curve.push_back((cumulative[below] + part * (cumulative[below + 1] - cumulative[below])) / sum);
  }
  return curve;
}

std::vector<double> utilisation(std::span<const double> counts) {
  const double mean = total(counts) / static_cast<double>(counts.size());
  std::vector<double> ratio;
  for (double count : counts) ratio.push_back(mean > 0 ? count / mean : nan);
  return ratio;
}

}  // namespace moescope
