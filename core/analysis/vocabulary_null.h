// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/statistics/counter_random.h"

// What specialisation of token types looks like when routing does not see the type. Every type has a preferred expert
// and a distribution of its own by chance alone, the more so the rarer it is.
namespace moescope {

// The mean, over types of n tokens, of the largest share of their tokens that one expert gets, when each token takes
// its k experts by their overall rates alone. Whole tokens are drawn where they are few (systematic sampling in random
// order, Madow 1949: k distinct experts, each as often as its rate says), else normal counts of the same variances
// (Hajek 1964). Its own error is below 1 %; fixed seed, so that a null is a constant.
class MaxShareNull {
 public:
  // Rates by expert, each in [0, 1]; they sum to k.
  explicit MaxShareNull(std::vector<double> rates);
  double at(std::int64_t n);  // between the sizes that were drawn, linear in ln n

 private:
  double drawn(std::int64_t n);
  double whole(std::int64_t n, std::int64_t times, CounterRandom& random) const;
  double normal(std::int64_t n, std::int64_t times, CounterRandom& random) const;
  std::vector<double> rates_, variances_;  // variances: c of Hajek's approximation
  std::map<std::int64_t, double> known_;
};

// Jensen-Shannon divergence in bits between two lists of counts, as shares; NaN where either is empty.
double jensenShannon(std::span<const double> counts, std::span<const double> others);

// Its expectation when `counts` is a multinomial sample of `size` from the shares of `others`. Closed form up to
// Poisson cells: (1 / size) sum over cells of G(size q), G(m) = E g(X, m) of a Poisson X of mean m, g(x, m) = (x
// log2(2x/(x+m)) + m log2(2m/(x+m))) / 2.
double jensenShannonNull(double size, std::span<const double> others);

}  // namespace moescope
