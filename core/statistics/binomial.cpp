// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/binomial.h"

#include <cmath>
#include <initializer_list>

namespace moescope {

namespace {

// The continued fraction of I_x(a, b), which converges fast for x < (a + 1) / (a + b + 2).
double fraction(double x, double a, double b) {
  constexpr double tiny = 1e-300;
  const auto away = [](double value) { return std::abs(value) < tiny ? tiny : value; };
  double c = 1, d = 1 / away(1 - (a + b) * x / (a + 1)), value = d;
  for (int m = 1; m < 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                 odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double change = 1;
    for (const double term : {even, odd}) {
      d = 1 / away(1 + term * d);
      c = away(1 + term / c);
      change = d * c;
      value *= change;
    }
    if (std::abs(change - 1) < 1e-14) break;
  }
  return value;
}

}  // namespace

double incompleteBeta(double x, double a, double b) {
  if (!(x > 0)) return 0;
  if (!(x < 1)) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * fraction(x, a, b) / a;
  return 1 - front * fraction(1 - x, b, a) / b;
}

double binomialUpperTail(double successes, double trials, double share) {
  if (successes <= 0) return 1;
  if (successes > trials) return 0;
  return incompleteBeta(share, successes, trials - successes + 1);
}

}  // namespace moescope
