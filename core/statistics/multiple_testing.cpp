// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/multiple_testing.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace moescope {

std::vector<double> benjaminiHochberg(std::span<const double> p) {
  std::vector<std::size_t> order;
  for (std::size_t at = 0; at < p.size(); ++at)
    if (!std::isnan(p[at])) order.push_back(at);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t left, std::size_t right) { return p[left] < p[right]; });
  std::vector<double> q(p.size(), std::numeric_limits<double>::quiet_NaN());
  double least = 1;
  for (std::size_t place = order.size(); place > 0; --place) {
    least = std::min(least, p[order[place - 1]] * static_cast<double>(order.size()) / static_cast<double>(place));
    q[order[place - 1]] = least;
  }
  return q;
}

double twoSidedNormal(double z) {
  return std::erfc(std::abs(z) / std::numbers::sqrt2);
}

}  // namespace moescope
