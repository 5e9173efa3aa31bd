// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/bootstrap_inference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/statistics/distributions.h"

namespace moescope {

namespace {

// Skewness of the jackknife over six: how fast the statistic's deviation changes with its value.
double acceleration(std::span<const double> jackknife) {
  const double mean = std::accumulate(jackknife.begin(), jackknife.end(), 0.0) / static_cast<double>(jackknife.size());
  double squares = 0, cubes = 0;
  for (double value : jackknife) {
    const double below = mean - value;
    squares += below * below;
    cubes += below * below * below;
  }
  return squares > 0 ? cubes / (6 * std::pow(squares, 1.5)) : 0;
}

}  // namespace

Interval biasCorrectedInterval(std::span<double> draws, double observed, std::span<const double> jackknife,
                               double coverage) {
  double below = 0, count = 0;
  for (double draw : draws) {
    if (std::isnan(draw)) continue;
    ++count;
    below += draw < observed ? 1 : draw == observed ? 0.5 : 0;
  }
  const double bias = normalQuantile(below / count), skew = acceleration(jackknife);
  if (!std::isfinite(bias) || std::isnan(skew)) return percentileInterval(draws, coverage);
  const auto corrected = [&](double share) {
    const double shifted = bias + normalQuantile(share);
    return normalBelow(bias + shifted / (1 - skew * shifted));
  };
  const double low = corrected((1 - coverage) / 2), high = corrected((1 + coverage) / 2);
  return {quantile(draws, low), quantile(draws, high)};
}

double differenceP(double difference, std::span<const double> draws, std::int64_t documents) {
  if (documents < 2 || draws.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto count = static_cast<double>(draws.size()), units = static_cast<double>(documents);
  const double mean = std::accumulate(draws.begin(), draws.end(), 0.0) / count;
  double squares = 0;
  for (double draw : draws) squares += (draw - mean) * (draw - mean);
  if (std::isnan(squares)) return squares;
  // Draws stray by sqrt((n - 1) / n) of what the mean of n documents does.
  const double deviation = std::sqrt(squares / (count - 1) * units / (units - 1));
  if (difference == 0) return 1;
  const double least = std::exp2(1 - units);
  return deviation == 0 ? least : std::max(least, twoSidedStudent(difference / deviation, units - 1));
}

}  // namespace moescope
