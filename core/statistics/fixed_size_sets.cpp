// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/fixed_size_sets.h"

#include <algorithm>
#include <cmath>

#include "core/statistics/distributions.h"

namespace moescope {

namespace {

constexpr double certain = 1 - 1e-9, settled = 1e-11;
constexpr int mostRounds = 500;

// Elementary symmetric polynomials of degrees 0 .. size of the first i weights, [i, size + 1], i = 0 .. n. Sums of
// positive numbers only, so that nothing cancels.
std::vector<double> prefixes(std::span<const double> weight, std::size_t size) {
  std::vector<double> table((weight.size() + 1) * (size + 1));
  table[0] = 1;
  for (std::size_t i = 0; i < weight.size(); ++i)
    for (std::size_t degree = 0; degree <= size; ++degree)
      table[(i + 1) * (size + 1) + degree] =
          table[i * (size + 1) + degree] + (degree > 0 ? weight[i] * table[i * (size + 1) + degree - 1] : 0);
  return table;
}

// The polynomial of `degree` of all weights but each one.
std::vector<double> withoutEach(std::span<const double> weight, std::size_t degree) {
  const std::size_t n = weight.size(), width = degree + 1;
  const std::vector<double> before = prefixes(weight, degree);
  const std::vector<double> reversed(weight.rbegin(), weight.rend());
  const std::vector<double> after = prefixes(reversed, degree);
  std::vector<double> values(n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t d = 0; d <= degree; ++d)
      values[i] += before[i * width + d] * after[(n - 1 - i) * width + degree - d];
  return values;
}

// Weights whose sets have these inclusions; they sum to `size`.
std::vector<double> weightsFor(std::span<const double> inclusion, std::size_t size) {
  std::vector<double> weight(inclusion.begin(), inclusion.end());
  for (int round = 0; round < mostRounds; ++round) {
    const std::vector<double> others = withoutEach(weight, size - 1);
    double all = 0, worst = 0, sum = 0;  // all: size times the polynomial of degree `size`
    for (std::size_t i = 0; i < weight.size(); ++i) all += weight[i] * others[i];
    all /= static_cast<double>(size);
    // A weight moves the odds of its own member in proportion, those of the others little.
    for (std::size_t i = 0; i < weight.size(); ++i) {
      const double now = std::clamp(weight[i] * others[i] / all, 1e-300, 1 - 1e-15);
      worst = std::max(worst, std::abs(now - inclusion[i]));
      weight[i] *= inclusion[i] / (1 - inclusion[i]) * (1 - now) / now;
      sum += weight[i];
    }
    for (double& each : weight) each *= static_cast<double>(size) / sum;
    if (worst < settled) break;
  }
  return weight;
}

}  // namespace

std::vector<double> jointInclusion(std::span<const double> inclusion, std::int64_t wanted) {
  const std::size_t n = inclusion.size();
  std::vector<double> joint(n * n);
  std::vector<std::size_t> open;  // those neither always nor never in the set
  std::vector<double> share;
  auto size = static_cast<std::size_t>(std::max<std::int64_t>(wanted, 0));
  for (std::size_t i = 0; i < n; ++i) {
    if (inclusion[i] >= certain) {
      if (size > 0) --size;
    } else if (inclusion[i] > 0) {
      open.push_back(i);
      share.push_back(inclusion[i]);
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const double a = std::min(inclusion[i], 1.0), b = std::min(inclusion[j], 1.0);
      if (i == j)
        joint[i * n + j] = a;
      else if (a >= certain || b >= certain)
        joint[i * n + j] = a * b;
    }
  if (size < 2 || open.size() <= size) {
    for (std::size_t i : open)
      for (std::size_t j : open)
        if (i != j) joint[i * n + j] = open.size() <= size ? share.front() : 0;
    return joint;
  }
  const std::vector<double> weight = weightsFor(share, size);
  const std::vector<double> others = withoutEach(weight, size - 1);
  double all = 0;
  for (std::size_t i = 0; i < weight.size(); ++i) all += weight[i] * others[i];
  all /= static_cast<double>(size);
  std::vector<double> rest(weight.size() - 1);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    for (std::size_t j = 0, at = 0; j < weight.size(); ++j)
      if (j != i) rest[at++] = weight[j];
    const std::vector<double> pairless = withoutEach(rest, size - 2);
    for (std::size_t j = 0, at = 0; j < weight.size(); ++j)
      if (j != i) joint[open[i] * n + open[j]] = weight[i] * weight[j] * pairless[at++] / all;
  }
  return joint;
}

double Tails::both() const {
  return std::min(1.0, 2 * std::min(above, below));
}

Tails hypergeometricTails(std::int64_t tokens, std::int64_t first, std::int64_t second, std::int64_t counted) {
  const std::int64_t low = std::max<std::int64_t>(0, first + second - tokens), high = std::min(first, second);
  if (low >= high) return {};
  const std::int64_t together = std::clamp(counted, low, high);
  const auto choose = [](std::int64_t n, std::int64_t k) {
    return std::lgamma(static_cast<double>(n) + 1) - std::lgamma(static_cast<double>(k) + 1) -
           std::lgamma(static_cast<double>(n - k) + 1);
  };
  const auto density = [&](std::int64_t x) {
    return std::exp(choose(first, x) + choose(tokens - first, second - x) - choose(tokens, second));
  };
  // Away from the mode each term is a smaller multiple of the one before.
  const auto ratio = [&](std::int64_t x) {  // density(x + 1) / density(x)
    return static_cast<double>(first - x) * static_cast<double>(second - x) /
           (static_cast<double>(x + 1) * static_cast<double>(tokens - first - second + x + 1));
  };
  const auto sum = [&](std::int64_t from, std::int64_t step) {
    double total = 0, term = density(from);
    for (std::int64_t x = from;; x += step) {
      total += term;
      if (term < 1e-18 * total || x + step < low || x + step > high) break;
      term = step > 0 ? term * ratio(x) : term / ratio(x - 1);
    }
    return std::min(1.0, total);
  };
  const double mean =
      static_cast<double>(first) * static_cast<double>(second) / static_cast<double>(std::max<std::int64_t>(tokens, 1));
  if (static_cast<double>(together) >= mean) {
    const double above = together <= low ? 1 : sum(together, 1);
    return {above, std::min(1.0, 1 - above + density(together))};
  }
  const double below = together >= high ? 1 : sum(together, -1);
  return {std::min(1.0, 1 - below + density(together)), below};
}

Tails binomialTails(double trials, double share, double successes) {
  if (!(share > 0) || share >= 1 || !(trials > 0)) return {};
  const double x = std::clamp(successes, 0.0, trials);
  return {x <= 0 ? 1 : incompleteBeta(x, trials - x + 1, share),
          x >= trials ? 1 : incompleteBeta(trials - x, x + 1, 1 - share)};
}

}  // namespace moescope
