// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/trace/router_scores.h"

#include <algorithm>
#include <cmath>

namespace moescope {

bool routerProbabilities(std::span<const float> logit, bool sigmoid, std::span<double> into) {
  double largest = -INFINITY, sum = 0;
  for (float z : logit) {
    if (!std::isfinite(z)) return false;
    largest = std::max(largest, static_cast<double>(z));
  }
  for (std::size_t e = 0; e < logit.size(); ++e) {
    into[e] = sigmoid ? 1 / (1 + std::exp(-static_cast<double>(logit[e]))) : std::exp(logit[e] - largest);
    sum += into[e];
  }
  for (double& p : into) p /= sum;
  return sum > 0;
}

double logSumExp(std::span<const float> logit) {
  const double largest = *std::max_element(logit.begin(), logit.end());
  double sum = 0;
  for (float z : logit) sum += std::exp(z - largest);
  return largest + std::log(sum);
}

}  // namespace moescope
