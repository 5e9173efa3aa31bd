// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/domain_information.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <numeric>

#include "core/statistics/multiple_testing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Margins {
  std::vector<double> domain, expert;
  double total = 0;
};

Margins margins(std::span<const double> table, std::size_t experts) {
  Margins sums{std::vector<double>(table.size() / experts), std::vector<double>(experts)};
  for (std::size_t at = 0; at < table.size(); ++at) {
    sums.domain[at / experts] += table[at];
    sums.expert[at % experts] += table[at];
    sums.total += table[at];
  }
  return sums;
}

// How far the null strays from the overall share, and how often at least as far as what was observed. Distances are
// held in whole units of 2^-24, so that their sums do not depend on the order in which threads bring them.
class Strays {
 public:
  explicit Strays(std::vector<double> observed, std::size_t experts)
      : observed_(std::move(observed)),
        experts_(experts),
        overall_(margins(observed_, experts)),
        squares_(observed_.size()),
        asFar_(observed_.size()),
        distance_(unitsFrom(observed_)) {}

  void add(std::span<const double> table) {
    const std::vector<std::int64_t> units = unitsFrom(table);
    const std::lock_guard lock(mutex_);
    for (std::size_t at = 0; at < units.size(); ++at) {
      squares_[at] += units[at] * units[at];
      asFar_[at] += std::abs(units[at]) >= std::abs(distance_[at]) ? 1 : 0;
    }
  }

  std::vector<double> p(std::int64_t draws, const std::vector<double>& rarest) const {
    std::vector<double> all(observed_.size(), nan);
    for (std::size_t at = 0; at < all.size(); ++at) {
      if (overall_.domain[at / experts_] == 0 || overall_.expert[at % experts_] == 0) continue;
      const double counted = (1 + static_cast<double>(asFar_[at])) / (1 + static_cast<double>(draws));
      all[at] = counted;
      if (asFar_[at] > 0 || squares_[at] == 0) continue;
      const double tail = twoSidedNormal(distanceInDeviations(at, draws));
      all[at] = std::min(counted, std::max(tail, rarest[at / experts_]));
    }
    return all;
  }

  std::vector<double> z(std::int64_t draws) const {
    std::vector<double> all(observed_.size(), nan);
    for (std::size_t at = 0; at < all.size(); ++at)
      if (squares_[at] > 0) all[at] = distanceInDeviations(at, draws);
    return all;
  }

 private:
  double distanceInDeviations(std::size_t at, std::int64_t draws) const {
    return static_cast<double>(distance_[at]) /
           std::sqrt(static_cast<double>(squares_[at]) / static_cast<double>(draws));
  }
  std::vector<std::int64_t> unitsFrom(std::span<const double> table) const {
    std::vector<std::int64_t> units(table.size());
    for (std::size_t domain = 0; domain * experts_ < table.size(); ++domain) {
      const std::span<const double> row = table.subspan(domain * experts_, experts_);
      const double sum = std::accumulate(row.begin(), row.end(), 0.0);
      for (std::size_t e = 0; e < experts_ && sum > 0; ++e)
        units[domain * experts_ + e] = std::llround((row[e] / sum - overall_.expert[e] / overall_.total) * 0x1p24);
    }
    return units;
  }

  std::vector<double> observed_;
  std::size_t experts_;
  Margins overall_;
  std::vector<std::int64_t> squares_, asFar_, distance_;
  std::mutex mutex_;
};

// One in as many ways as a domain's documents can be chosen from all.
std::vector<double> rarestByDomain(const DocumentTable& table) {
  std::vector<double> documents(table.groups), rarest;
  for (std::uint16_t domain : table.group) ++documents[domain];
  const auto all = static_cast<double>(table.documents());
  for (double of : documents)
    rarest.push_back(std::exp(std::lgamma(of + 1) + std::lgamma(all - of + 1) - std::lgamma(all + 1)));
  return rarest;
}

}  // namespace

double domainInformation(std::span<const double> table, std::size_t experts) {
  const Margins sums = margins(table, experts);
  double information = 0;
  for (std::size_t at = 0; at < table.size(); ++at)
    if (table[at] > 0)
      information += table[at] / sums.total *
                     std::log(table[at] * sums.total / (sums.domain[at / experts] * sums.expert[at % experts]));
  return std::max(0.0, information);  // rounding may fall below
}

double domainEntropy(std::span<const double> table, std::size_t experts) {
  const Margins sums = margins(table, experts);
  double entropy = 0;
  for (double domain : sums.domain)
    if (domain > 0) entropy -= domain / sums.total * std::log(domain / sums.total);
  return entropy;
}

Expected<DomainNull> permuteDomains(const DocumentTable& table, const Draws& draws, const Poll& poll,
                                    const DrawVisitor& also) {
  const auto experts = static_cast<std::size_t>(table.cells);
  DomainNull null{.information = std::vector<double>(draws.count), .p = {}, .z = {}};
  Strays strays(groupSums(table), experts);
  TRY_DO(permuteGroups(
      table, draws,
      [&](std::int64_t draw, std::span<const double> sums) {
        null.information[draw] = domainInformation(sums, experts);
        strays.add(sums);
        if (also) also(draw, sums);
      },
      poll));
  null.z = strays.z(draws.count);
  null.p = strays.p(draws.count, rarestByDomain(table));
  return null;
}

}  // namespace moescope
