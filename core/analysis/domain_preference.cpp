// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/domain_preference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/analysis/domain_information.h"
#include "core/statistics/multiple_testing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

void addShares(DomainPreference& layer, const std::vector<double>& table, std::size_t experts,
               const std::vector<std::int64_t>& tokens) {
  std::vector<double> overall(experts);
  double total = 0;
  for (std::size_t at = 0; at < table.size(); ++at) {
    overall[at % experts] += table[at];
    total += table[at];
  }
  for (std::size_t domain = 0; domain < tokens.size(); ++domain) {
    const auto row = table.begin() + static_cast<std::ptrdiff_t>(domain * experts);
    const double sum = std::accumulate(row, row + static_cast<std::ptrdiff_t>(experts), 0.0);
    for (std::size_t e = 0; e < experts; ++e) {
      const double count = table[domain * experts + e], share = sum > 0 ? count / sum : nan;
      layer.share.push_back(share);
      layer.lift.push_back(overall[e] > 0 ? share / (overall[e] / total) : nan);
      layer.tokenShare.push_back(tokens[domain] > 0 ? count / static_cast<double>(tokens[domain]) : nan);
    }
  }
}

// [measure, draw]
class Drawn {
 public:
  Drawn(std::size_t measures, std::int64_t draws) : draws_(draws), values_(measures * draws) {}
  void set(std::int64_t draw, const std::vector<double>& measures) {
    for (std::size_t measure = 0; measure < measures.size(); ++measure)
      values_[measure * draws_ + draw] = measures[measure];
  }
  std::span<double> of(std::size_t measure) { return std::span(values_).subspan(measure * draws_, draws_); }

  Spread spread() {  // reorders the draws
    Spread spread;
    for (std::size_t measure = 0; measure * draws_ < values_.size(); ++measure) {
      double sum = 0, count = 0;
      for (double value : of(measure))
        if (!std::isnan(value)) {
          sum += value;
          ++count;
        }
      spread.mean.push_back(count > 0 ? sum / count : nan);
      spread.interval.push_back(percentileInterval(of(measure)));
    }
    return spread;
  }

 private:
  std::size_t draws_;
  std::vector<double> values_;
};

// Two-sided p of a value whose null lies around 0: counted, and where no draw was as far the normal tail.
double twoSidedP(double observed, std::span<const double> null) {
  if (std::isnan(observed)) return nan;
  double asFar = 0, squares = 0;
  for (double value : null) {
    asFar += std::abs(value) >= std::abs(observed) - 1e-12;
    squares += value * value;
  }
  const auto draws = static_cast<double>(null.size());
  const double counted = (1 + asFar) / (1 + draws);
  if (asFar > 0 || !(squares > 0)) return counted;
  return std::min(counted, std::max(twoSidedNormal(observed / std::sqrt(squares / draws)), 1e-12));
}

Expected<void> addDraws(DomainPreference& layer, const DocumentTable& table, const DomainQuestion& question,
                        const Draws& draws, Job& job, std::size_t index, std::size_t layers) {
  layer.p.assign(layer.share.size(), nan);
  layer.z = layer.p;
  if (draws.count == 0 || table.documents() < 2) return {};
  const auto experts = static_cast<std::size_t>(table.cells);
  Drawn null(layer.measures.size(), draws.count), resampled = null;
  const auto into = [&](Drawn& drawn) {
    return [&](std::int64_t draw, std::span<const double> sums) {
      drawn.set(draw, domainMeasures(sums, experts, question));
    };
  };
  TRY(relabelled,
      permuteDomains(table, draws, pollOf(job, "relabelling documents", 2 * index, 2 * layers), into(null)));
  layer.p = std::move(relabelled.p);
  layer.z = std::move(relabelled.z);
  const double observed = layer.measures[DomainMeasures::information] - 1e-12;
  const auto asMuch =
      std::ranges::count_if(null.of(DomainMeasures::information), [&](double value) { return value >= observed; });
  layer.informationP = (1 + static_cast<double>(asMuch)) / (1 + static_cast<double>(draws.count));
  for (std::size_t e = 0; e < experts; ++e) {
    const std::size_t measure = DomainMeasures::at(DomainMeasures::difference, e, experts);
    layer.differenceP.push_back(twoSidedP(layer.measures[measure], null.of(measure)));
  }
  layer.null = null.spread();
  TRY_DO(
      resampleDocuments(table, draws, into(resampled), pollOf(job, "resampling documents", 2 * index + 1, 2 * layers)));
  layer.resampled = resampled.spread();
  return {};
}

Expected<std::size_t> domainNamed(const CountedTrace& counted, const Json& name) {
  const std::vector<std::string>& names = counted.info.domains;
  const auto at = name.is_string() ? std::ranges::find(names, name.get<std::string>()) : names.end();
  if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  const std::string given = name.is_string() ? name.get<std::string>() : name.dump(),
                    nearest = nearestName(given, names);
  return usageError(nearest.empty() ? fmt::format("contrast names {}, which is not among the counted domains {}", given,
                                                  fmt::join(names, ", "))
                                    : fmt::format("contrast names {}; did you mean {}?", given, nearest));
}

}  // namespace

Expected<DomainQuestion> domainQuestion(const CountedTrace& counted, const Parameters& set) {
  const std::size_t domains = counted.info.domains.size();
  const Json& contrast = set.value("contrast");
  if (contrast.size() > 2)
    return usageError(
        fmt::format("contrast names {} domains: give one, which is set against all others, or two", contrast.size()));
  DomainQuestion question{.tau = set.real("tau"), .theta = set.real("theta")};
  question.first.assign(domains, 0);
  question.second.assign(domains, contrast.size() == 2 ? 0 : 1);
  std::size_t first = 0;
  if (!contrast.empty()) TRY_ASSIGN(first, domainNamed(counted, contrast[0]));
  question.first[first] = 1;
  question.second[first] = 0;
  if (contrast.size() == 2) {
    TRY(second, domainNamed(counted, contrast[1]));
    if (second == first) return usageError("contrast names the same domain twice");
    question.second[second] = 1;
  }
  return question;
}

Expected<std::vector<DomainPreference>> measurePreferences(const CountedTrace& counted, const DomainQuestion& question,
                                                           double prior, const Draws& draws, Job& job) {
  std::vector<DomainPreference> layers;
  for (std::size_t index = 0; index < counted.info.layers.size(); ++index) {
    if (job.cancelled()) return cancelledError();
    const LayerCounters& counters = counted.counters.layers[index];
    const auto experts = static_cast<std::size_t>(counters.experts);
    const std::vector<double> table(counters.domain.begin(), counters.domain.end());
    DomainQuestion here = question;
    here.chosen = routedTotals(counted.counters, index).chosen();
    DomainPreference layer{.odds = logOdds(table, experts, counted.counters.tokensByDomain, prior),
                           .measures = domainMeasures(table, experts, here),
                           .informationP = nan,
                           .domainEntropy = domainEntropy(table, experts),
                           .committee = committeeOf(table, experts, here.tau, here.theta),
                           .coverage = massCoverage(table, experts)};
    layer.chance = chanceCommittee(layer.committee.sizes, experts, here.theta);
    addShares(layer, table, experts, counted.counters.tokensByDomain);
    TRY_DO(addDraws(layer, documentTable(counted, index), here, draws, job, index, counted.info.layers.size()));
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace moescope
