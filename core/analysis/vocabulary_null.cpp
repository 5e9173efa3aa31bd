// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/vocabulary_null.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::int64_t mostWholeTokens = 400;  // of a type; beyond that counts are normal enough
constexpr double gridStep = 1.3;

// c with c - c^2 / sum c = p (1 - p): the variances of independent choices whose sum is then held fixed.
std::vector<double> hajek(const std::vector<double>& rates) {
  std::vector<double> wanted;
  for (double rate : rates) wanted.push_back(rate * (1 - rate));
  std::vector<double> c = wanted;
  for (int step = 0; step < 100; ++step) {
    const double sum = std::accumulate(c.begin(), c.end(), 0.0);
    if (!(sum > 0)) break;
    for (std::size_t e = 0; e < c.size(); ++e) c[e] = wanted[e] + c[e] * c[e] / sum;
  }
  return c;
}

// The sizes that are drawn: one in about every 30 %.
std::int64_t gridBelow(std::int64_t n) {
  std::int64_t size = 1;
  for (;;) {
    const auto next = std::max(size + 1, static_cast<std::int64_t>(std::llround(static_cast<double>(size) * gridStep)));
    if (next > n) return size;
    size = next;
  }
}
std::int64_t gridAbove(std::int64_t size) {
  return std::max(size + 1, static_cast<std::int64_t>(std::llround(static_cast<double>(size) * gridStep)));
}

double cell(double x, double m) {
  return ((x > 0 ? x * std::log2(2 * x / (x + m)) : 0) + m * std::log2(2 * m / (x + m))) / 2;
}

double poissonMean(double m) {
  const double spread = 12 * std::sqrt(m) + 20, first = std::max(0.0, std::floor(m - spread));
  double mean = 0;
  for (double x = first; x <= m + spread; ++x) mean += std::exp(x * std::log(m) - m - std::lgamma(x + 1)) * cell(x, m);
  return mean;
}

// G(m): a smooth function of ln m, tabulated once.
class PoissonCells {
 public:
  PoissonCells() {
    for (int at = 0; at <= steps; ++at) values_.push_back(poissonMean(std::exp(low + at * width)));
  }
  double operator()(double m) const {
    if (!(m > 0)) return 0;
    const double place = (std::log(m) - low) / width;
    if (place < 0) return m * (values_[0] / std::exp(low));  // proportional to m where tokens are rare
    if (place >= steps) return values_.back();               // 1 / (8 ln 2), as of a chi-square
    const auto below = static_cast<std::size_t>(place);
    return std::lerp(values_[below], values_[below + 1], place - static_cast<double>(below));
  }

 private:
  static constexpr int steps = 600;
  static constexpr double low = -16, width = 26.0 / steps;  // e^-16 to e^10
  std::vector<double> values_;
};

}  // namespace

MaxShareNull::MaxShareNull(std::vector<double> rates) : rates_(std::move(rates)), variances_(hajek(rates_)) {}

double MaxShareNull::at(std::int64_t n) {
  if (n <= 0) return nan;
  const std::int64_t below = gridBelow(n);
  const double low = drawn(below);
  if (below == n) return low;
  const std::int64_t above = gridAbove(below);
  const auto ln = [](std::int64_t size) { return std::log(static_cast<double>(size)); };
  return std::lerp(low, drawn(above), (ln(n) - ln(below)) / (ln(above) - ln(below)));
}

double MaxShareNull::drawn(std::int64_t n) {
  const auto [found, isNew] = known_.try_emplace(n, nan);
  if (!isNew) return found->second;
  const auto experts = static_cast<std::int64_t>(rates_.size());
  CounterRandom random(0x6d61787368617265ull, static_cast<std::uint64_t>(n));
  const std::int64_t work = 1200000 / experts;  // tokens, or draws of normal counts
  found->second = n <= mostWholeTokens ? whole(n, std::clamp<std::int64_t>(work / n, 40, 4000), random)
                                       : normal(n, std::clamp<std::int64_t>(work / 8, 200, 4000), random);
  return found->second;
}

double MaxShareNull::whole(std::int64_t n, std::int64_t times, CounterRandom& random) const {
  std::vector<std::size_t> order(rates_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::vector<std::int64_t> count(rates_.size());
  double sum = 0;
  for (std::int64_t draw = 0; draw < times; ++draw) {
    std::fill(count.begin(), count.end(), 0);
    for (std::int64_t token = 0; token < n; ++token) {
      for (std::size_t last = order.size(); last > 1; --last) std::swap(order[last - 1], order[random.below(last)]);
      double reached = random.uniform();  // an expert is taken where the running sum passes a whole number
      for (std::size_t e : order) {
        const double next = reached + rates_[e];
        count[e] += std::floor(next) > std::floor(reached);
        reached = next;
      }
    }
    sum += static_cast<double>(*std::ranges::max_element(count));
  }
  return sum / static_cast<double>(times * n);
}

double MaxShareNull::normal(std::int64_t n, std::int64_t times, CounterRandom& random) const {
  const double total = std::accumulate(variances_.begin(), variances_.end(), 0.0);
  std::vector<double> step(rates_.size());
  double sum = 0;
  for (std::int64_t draw = 0; draw < times; ++draw) {
    double drift = 0;
    for (std::size_t e = 0; e < step.size(); ++e) {
      step[e] = std::sqrt(variances_[e]) * random.normal();
      drift += step[e];
    }
    double most = 0;
    for (std::size_t e = 0; e < step.size(); ++e) {
      const double held = total > 0 ? step[e] - variances_[e] / total * drift : 0;
      most = std::max(most, rates_[e] + held / std::sqrt(static_cast<double>(n)));
    }
    sum += std::min(1.0, most);
  }
  return sum / static_cast<double>(times);
}

double jensenShannon(std::span<const double> counts, std::span<const double> others) {
  const double sum = std::accumulate(counts.begin(), counts.end(), 0.0),
               other = std::accumulate(others.begin(), others.end(), 0.0);
  if (!(sum > 0) || !(other > 0)) return nan;
  double bits = 0;
  for (std::size_t at = 0; at < counts.size(); ++at) {
    const double p = counts[at] / sum, q = others[at] / other;
    if (q > 0)
      bits += cell(p, q);
    else
      bits += p / 2;
  }
  return std::clamp(bits, 0.0, 1.0);
}

double jensenShannonNull(double size, std::span<const double> others) {
  static const PoissonCells mean;
  const double other = std::accumulate(others.begin(), others.end(), 0.0);
  if (!(size > 0) || !(other > 0)) return nan;
  double sum = 0;
  for (double count : others) sum += mean(size * count / other);
  return sum / size;
}

}  // namespace moescope
