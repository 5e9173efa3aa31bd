// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/domain_measures.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/analysis/committee.h"
#include "core/analysis/domain_information.h"
#include "core/analysis/share_null.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

double variation(std::span<const double> table, const TableMargins& sums, std::size_t e) {
  double sum = 0, squares = 0, domains = 0;
  for (std::size_t domain = 0; domain < sums.row.size(); ++domain) {
    if (sums.row[domain] == 0) continue;
    const double share = table[domain * sums.column.size() + e] / sums.row[domain];
    sum += share;
    squares += share * share;
    ++domains;
  }
  return sum > 0 ? std::sqrt(std::max(0.0, domains * squares - sum * sum)) / sum : nan;
}

double divergence(std::span<const double> table, const TableMargins& sums, std::size_t e) {
  if (sums.column[e] == 0) return nan;
  double bits = 0;
  for (std::size_t domain = 0; domain < sums.row.size(); ++domain) {
    const double own = table[domain * sums.column.size() + e] / sums.column[e], all = sums.row[domain] / sums.total,
                 mean = (own + all) / 2;
    if (own > 0) bits += own / 2 * std::log2(own / mean);
    if (all > 0) bits += all / 2 * std::log2(all / mean);
  }
  return std::max(0.0, bits);
}

double rate(std::span<const double> table, const TableMargins& sums, std::size_t e,
            const std::vector<std::uint8_t>& side) {
  double here = 0, all = 0;
  for (std::size_t domain = 0; domain < side.size(); ++domain) {
    if (!side[domain]) continue;
    here += table[domain * sums.column.size() + e];
    all += sums.row[domain];
  }
  return all > 0 ? here / all : nan;
}

}  // namespace

std::vector<double> domainMeasures(std::span<const double> table, std::size_t experts, const DomainQuestion& question) {
  const TableMargins sums = marginsOf(table, experts);
  std::vector<double> values(DomainMeasures::count(experts), nan);
  const Committee committee = committeeOf(table, experts, question.tau, question.theta);
  values[DomainMeasures::information] = domainInformation(table, experts);
  values[DomainMeasures::dispatchEntropy] =
      std::max(0.0, domainEntropy(table, experts) - values[DomainMeasures::information]);
  values[DomainMeasures::committee] = static_cast<double>(committee.size);
  values[DomainMeasures::committeeMass] = committee.mass;
  values[DomainMeasures::jaccard] = committee.jaccard;
  for (std::size_t e = 0; e < experts; ++e) {
    values[DomainMeasures::at(DomainMeasures::variation, e, experts)] = variation(table, sums, e);
    values[DomainMeasures::at(DomainMeasures::divergence, e, experts)] = divergence(table, sums, e);
    values[DomainMeasures::at(DomainMeasures::difference, e, experts)] =
        question.chosen * (rate(table, sums, e, question.first) - rate(table, sums, e, question.second));
  }
  return values;
}

LogOdds logOdds(std::span<const double> table, std::size_t experts, std::span<const std::int64_t> tokens,
                double prior) {
  const TableMargins sums = marginsOf(table, experts);
  const auto all = static_cast<double>(std::accumulate(tokens.begin(), tokens.end(), std::int64_t{0}));
  LogOdds odds{std::vector<double>(table.size(), nan), std::vector<double>(table.size(), nan)};
  for (std::size_t cell = 0; cell < table.size(); ++cell) {
    const auto here = static_cast<double>(tokens[cell / experts]), rest = all - here;
    const double of = sums.column[cell % experts];
    if (here == 0 || rest == 0 || of == 0) continue;
    const double shape = prior * of / all;  // tokens of the prior that choose the expert
    const double own = table[cell] + shape, others = of - table[cell] + shape;
    const double ownElse = here + prior - own, othersElse = rest + prior - others;
    if (own <= 0 || others <= 0 || ownElse <= 0 || othersElse <= 0) continue;  // no prior, or an expert of every token
    odds.ratio[cell] = std::log(own / ownElse) - std::log(others / othersElse);
    odds.z[cell] = odds.ratio[cell] / std::sqrt(1 / own + 1 / others);
  }
  return odds;
}

}  // namespace moescope
