// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

// What load looks like when nothing is uneven: every token takes its experts at random, all sets alike, independently
// of the others. No measure of balance can look better than this on so few tokens.
namespace moescope {

struct RoutedTotals {
  std::int64_t tokens = 0, assignments = 0, experts = 0;
  double chosen() const {
    return static_cast<double>(assignments) / static_cast<double>(tokens);
  }  // k, averaged over tokens
};

// sqrt((E - k) / (N k)), the root mean square of the coefficient of variation. Exact: n_e is binomial(N, k/E), so
// E[CV^2] = Var(n_e) / E[n_e]^2 = (1 - k/E) / (N k/E).
double balancedVariation(const RoutedTotals& totals);

// E (1 - k/E)^N, the expected number of experts without a token. Exact.
double balancedDead(const RoutedTotals& totals);

// Means over simulated balanced routing of `outputs` statistics of the counts by expert. Draws whole tokens where these
// are few, else normal counts of the same variances and covariances (-1/(E-1) of the variance; the total is fixed). The
// seed is fixed, so that a floor is a constant; its own error is below 1 % of the floor's distance from balance.
std::vector<double> simulateBalanced(
    const RoutedTotals& totals, std::size_t outputs,
    const std::function<void(std::span<const double> counts, std::span<double> into)>& statistics);

}  // namespace moescope
