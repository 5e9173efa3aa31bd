// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/committee.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double rounding = 1e-9;  // shares of sums of whole numbers come this close to what they are

// Positions of a row, most assignments first, ties by number.
std::vector<std::size_t> byLoad(std::span<const double> row) {
  std::vector<std::size_t> order(row.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return row[a] > row[b]; });
  return order;
}

// As many domains as `theta` of them asks for; a committee of no domain would hold everybody.
std::int64_t quorum(std::size_t domains, double theta) {
  return std::max<std::int64_t>(1,
                                static_cast<std::int64_t>(std::ceil(theta * static_cast<double>(domains) - rounding)));
}

double logChoose(double n, double k) {
  return std::lgamma(n + 1) - std::lgamma(k + 1) - std::lgamma(n - k + 1);
}

// Mean of |A and B| / |A or B| over sets of a and b among n experts.
double expectedJaccard(std::int64_t a, std::int64_t b, std::int64_t n) {
  double mean = 0;
  for (std::int64_t both = std::max<std::int64_t>(0, a + b - n); both <= std::min(a, b); ++both) {
    const auto of = [](std::int64_t number) { return static_cast<double>(number); };
    const double chance =
        std::exp(logChoose(of(a), of(both)) + logChoose(of(n - a), of(b - both)) - logChoose(of(n), of(b)));
    mean += chance * of(both) / of(a + b - both);
  }
  return mean;
}

double meanJaccard(const Committee& committee, const std::vector<std::size_t>& domains, std::size_t experts) {
  if (domains.size() < 2) return nan;
  double sum = 0;
  for (std::size_t a = 0; a < domains.size(); ++a)
    for (std::size_t b = a + 1; b < domains.size(); ++b) {
      const std::uint8_t* one = committee.present.data() + domains[a] * experts;
      const std::uint8_t* other = committee.present.data() + domains[b] * experts;
      const auto both = std::inner_product(one, one + experts, other, std::int64_t{0});
      sum += static_cast<double>(both) / static_cast<double>(committee.sizes[a] + committee.sizes[b] - both);
    }
  return sum / (static_cast<double>(domains.size()) * static_cast<double>(domains.size() - 1) / 2);
}

}  // namespace

Committee committeeOf(std::span<const double> table, std::size_t experts, double tau, double theta) {
  Committee committee{
      .present = std::vector<std::uint8_t>(table.size()), .sizes = {}, .member = std::vector<std::uint8_t>(experts)};
  std::vector<std::size_t> domains;
  for (std::size_t domain = 0; domain * experts < table.size(); ++domain) {
    const std::span<const double> row = table.subspan(domain * experts, experts);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    if (sum == 0) continue;
    domains.push_back(domain);
    double carried = 0;
    committee.sizes.push_back(0);
    for (std::size_t e : byLoad(row)) {
      if (carried >= tau * sum * (1 - rounding)) break;
      carried += row[e];
      committee.present[domain * experts + e] = 1;
      ++committee.sizes.back();
    }
  }
  const double total = std::accumulate(table.begin(), table.end(), 0.0);
  for (std::size_t e = 0; e < experts; ++e) {
    std::int64_t in = 0;
    double assignments = 0;
    for (std::size_t cell = e; cell < table.size(); cell += experts) {
      in += committee.present[cell];
      assignments += table[cell];
    }
    committee.member[e] = in >= quorum(domains.size(), theta);
    committee.size += committee.member[e];
    if (committee.member[e]) committee.mass += assignments / total;
  }
  committee.jaccard = meanJaccard(committee, domains, experts);
  return committee;
}

ChanceCommittee chanceCommittee(std::span<const std::int64_t> sizes, std::size_t experts, double theta) {
  const auto all = static_cast<double>(experts);
  std::vector<double> in{1};  // by number of domains: how likely an expert is in so many sets
  for (std::int64_t size : sizes) {
    const double share = static_cast<double>(size) / all;
    in.push_back(0);
    for (std::size_t count = in.size(); count-- > 0;)
      in[count] = in[count] * (1 - share) + (count > 0 ? in[count - 1] * share : 0);
  }
  ChanceCommittee chance{.size = 0, .jaccard = sizes.size() < 2 ? nan : 0};
  for (std::size_t count = static_cast<std::size_t>(quorum(sizes.size(), theta)); count < in.size(); ++count)
    chance.size += all * in[count];
  for (std::size_t a = 0; a < sizes.size(); ++a)
    for (std::size_t b = a + 1; b < sizes.size(); ++b)
      chance.jaccard += expectedJaccard(sizes[a], sizes[b], static_cast<std::int64_t>(experts)) /
                        (static_cast<double>(sizes.size()) * static_cast<double>(sizes.size() - 1) / 2);
  return chance;
}

std::vector<double> massCoverage(std::span<const double> table, std::size_t experts) {
  std::vector<double> coverage;
  for (std::size_t domain = 0; domain * experts < table.size(); ++domain) {
    const std::span<const double> row = table.subspan(domain * experts, experts);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    double carried = 0;
    for (std::size_t e : byLoad(row)) {
      carried += row[e];
      coverage.push_back(sum > 0 ? carried / sum : nan);
    }
  }
  return coverage;
}

}  // namespace moescope
