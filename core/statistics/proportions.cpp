// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/proportions.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/statistics/distributions.h"

namespace moescope {

Interval wilsonInterval(const Proportion& of, double coverage) {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  if (!(of.trials > 0)) return {nan, nan};
  const double z = normalQuantile((1 + coverage) / 2), n = of.trials, p = of.share(), squares = z * z / n;
  const double centre = p + squares / 2, half = z * std::sqrt(p * (1 - p) / n + squares / (4 * n));
  return {std::max(0.0, (centre - half) / (1 + squares)), std::min(1.0, (centre + half) / (1 + squares))};
}

RiskDifference riskDifference(const Proportion& first, const Proportion& second, double coverage) {
  const Interval one = wilsonInterval(first, coverage), other = wilsonInterval(second, coverage);
  const double p = first.share(), q = second.share(), difference = p - q;
  return {difference,
          {difference - std::hypot(p - one.low, other.high - q), difference + std::hypot(one.high - p, q - other.low)}};
}

double rateBound(const Proportion& of, double confidence) {
  if (!(of.trials > 0)) return std::numeric_limits<double>::quiet_NaN();
  if (of.hits >= of.trials) return 1;
  if (of.hits == 0) return -std::expm1(std::log1p(-confidence) / of.trials);
  return betaQuantile(of.hits + 1, of.trials - of.hits, confidence);
}

}  // namespace moescope
