// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/distributions.h"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

namespace moescope {

namespace {

double polynomial(const std::array<double, 8>& coefficients, double x) {
  double sum = 0;
  for (std::size_t at = coefficients.size(); at-- > 0;) sum = sum * x + coefficients[at];
  return sum;
}

// The continued fraction of I_x(a, b), which converges fast for x < (a + 1) / (a + b + 2).
double betaFraction(double a, double b, double x) {
  constexpr double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (std::abs(d) < tiny ? tiny : d);
  double fraction = d;
  for (int m = 1; m < 10000; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                 odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    double step = 1;
    for (double term : {even, odd}) {
      d = 1 + term * d;
      d = 1 / (std::abs(d) < tiny ? tiny : d);
      c = 1 + term / c;
      c = std::abs(c) < tiny ? tiny : c;
      step = c * d;
      fraction *= step;
    }
    if (std::abs(step - 1) < 1e-15) break;
  }
  return fraction;
}

}  // namespace

double normalBelow(double z) {
  return 0.5 * std::erfc(-z / std::numbers::sqrt2);
}

double normalQuantile(double share) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!(share > 0)) return share == 0 ? -infinity : std::numeric_limits<double>::quiet_NaN();
  if (share >= 1) return share == 1 ? infinity : std::numeric_limits<double>::quiet_NaN();
  const double middle = share - 0.5;
  if (std::abs(middle) <= 0.425) {
    const double r = 0.180625 - middle * middle;
    return middle *
           polynomial({3.3871328727963666080, 133.14166789178437745, 1971.5909503065514427, 13731.693765509461125,
                       45921.953931549871457, 67265.770927008700853, 33430.575583588128105, 2509.0809287301226727},
                      r) /
           polynomial({1.0, 42.313330701600911252, 687.18700749205790830, 5394.1960214247511077, 21213.794301586595867,
                       39307.895800092710610, 28729.085735721942674, 5226.4952788528545610},
                      r);
  }
  double r = std::sqrt(-std::log(middle < 0 ? share : 1 - share)), z = 0;
  if (r <= 5) {
    r -= 1.6;
    z = polynomial(
            {1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550, 3.64784832476320460504,
             1.27045825245236838258, 0.241780725177450611770, 0.0227238449892691845833, 0.000774545014278341407640},
            r) /
        polynomial(
            {1.0, 2.05319162663775882187, 1.67638483018380384940, 0.689767334985100004550, 0.148103976427480074590,
             0.0151986665636164571966, 0.000547593808499534494600, 1.05075007164441684324e-9},
            r);
  } else {
    r -= 5;
    z = polynomial({6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580, 0.296560571828504891230,
                    0.0265321895265761230930, 0.00124266094738807843860, 0.0000271155556874348757815,
                    2.01033439929228813265e-7},
                   r) /
        polynomial({1.0, 0.599832206555887937690, 0.136929880922735805310, 0.0148753612908506148525,
                    0.000786869131145613259100, 0.0000184631831751005468180, 1.42151175831644588870e-7,
                    2.04426310338993978564e-15},
                   r);
  }
  return middle < 0 ? -z : z;
}

double incompleteBeta(double a, double b, double x) {
  if (std::isnan(x)) return x;
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front =
      std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) + a * std::log(x) + b * std::log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * betaFraction(a, b, x) / a;
  return 1 - front * betaFraction(b, a, 1 - x) / b;
}

double betaQuantile(double a, double b, double share) {
  double low = 0, high = 1;
  for (int step = 0; step < 200 && high - low > 1e-16 * high; ++step) {
    const double middle = (low + high) / 2;
    (incompleteBeta(a, b, middle) < share ? low : high) = middle;
  }
  return (low + high) / 2;
}

double binomialAtLeast(double hits, double trials, double share) {
  if (hits <= 0) return 1;
  if (hits > trials || !(share > 0)) return 0;
  return share < 1 ? incompleteBeta(hits, trials - hits + 1, share) : 1;
}

double twoSidedStudent(double t, double freedom) {
  if (std::isinf(t)) return 0;
  return incompleteBeta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

}  // namespace moescope
