// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/noise_floor.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/statistics/counter_random.h"

namespace moescope {

namespace {

constexpr std::int64_t simulations = 1000;
constexpr std::uint64_t seed = 1;
// Below this, counts are too few to be called normal; above, drawing tokens would take seconds.
constexpr std::int64_t fewAssignments = 1 << 15;

// Every token takes floor(k) or ceil(k) different experts, as many of each as the totals ask.
void drawTokens(const RoutedTotals& totals, CounterRandom& random, std::vector<std::int64_t>& deck,
                std::span<double> counts) {
  std::fill(counts.begin(), counts.end(), 0);
  const std::int64_t least = totals.assignments / totals.tokens, more = totals.assignments % totals.tokens;
  for (std::int64_t token = 0; token < totals.tokens; ++token) {
    const std::int64_t taken = std::min(totals.experts, least + (token < more ? 1 : 0));
    for (std::int64_t place = 0; place < taken; ++place) {
      std::swap(deck[place], deck[place + static_cast<std::int64_t>(random.below(totals.experts - place))]);
      ++counts[deck[place]];
    }
  }
}

void drawNormal(const RoutedTotals& totals, CounterRandom& random, std::span<double> counts) {
  const auto experts = static_cast<double>(totals.experts);
  const double mean = static_cast<double>(totals.assignments) / experts, share = totals.chosen() / experts;
  double sum = 0;
  for (double& count : counts) sum += count = random.normal();
  // Centred normals have variance (E - 1) / E and correlation -1 / (E - 1).
  const double spread = std::sqrt(mean * (1 - share) * experts / (experts - 1));
  for (double& count : counts) count = std::max(0.0, mean + spread * (count - sum / experts));
}

}  // namespace

double balancedVariation(const RoutedTotals& totals) {
  if (totals.tokens == 0 || totals.assignments == 0) return std::numeric_limits<double>::quiet_NaN();
  const double k = totals.chosen();
  return std::sqrt(std::max(0.0, static_cast<double>(totals.experts) - k) / static_cast<double>(totals.assignments));
}

double balancedDead(const RoutedTotals& totals) {
  if (totals.tokens == 0) return std::numeric_limits<double>::quiet_NaN();
  const auto experts = static_cast<double>(totals.experts);
  return experts * std::pow(std::max(0.0, 1 - totals.chosen() / experts), static_cast<double>(totals.tokens));
}

std::vector<double> simulateBalanced(
    const RoutedTotals& totals, std::size_t outputs,
    const std::function<void(std::span<const double>, std::span<double>)>& statistics) {
  if (totals.tokens == 0 || totals.assignments == 0)
    return std::vector<double>(outputs, std::numeric_limits<double>::quiet_NaN());
  std::vector<double> counts(totals.experts), values(outputs), sums(outputs);
  if (totals.experts < 2) {  // nothing to be uneven
    counts.assign(totals.experts, static_cast<double>(totals.assignments));
    statistics(counts, values);
    return values;
  }
  std::vector<std::int64_t> deck(totals.experts);
  std::iota(deck.begin(), deck.end(), 0);
  const bool few = totals.assignments <= std::max(fewAssignments, 100 * totals.experts);
  for (std::int64_t draw = 0; draw < simulations; ++draw) {
    CounterRandom random(seed, static_cast<std::uint64_t>(draw));
    if (few)
      drawTokens(totals, random, deck, counts);
    else
      drawNormal(totals, random, counts);
    statistics(counts, values);
    for (std::size_t at = 0; at < outputs; ++at) sums[at] += values[at];
  }
  for (double& sum : sums) sum /= static_cast<double>(simulations);
  return sums;
}

}  // namespace moescope
