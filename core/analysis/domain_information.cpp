// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/domain_information.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/analysis/share_null.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

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
  const TableMargins sums = marginsOf(table, experts);
  double information = 0;
  for (std::size_t at = 0; at < table.size(); ++at)
    if (table[at] > 0)
      information += table[at] / sums.total *
                     std::log(table[at] * sums.total / (sums.row[at / experts] * sums.column[at % experts]));
  return std::max(0.0, information);  // rounding may fall below
}

double domainEntropy(std::span<const double> table, std::size_t experts) {
  const TableMargins sums = marginsOf(table, experts);
  double entropy = 0;
  for (double row : sums.row)
    if (row > 0) entropy -= row / sums.total * std::log(row / sums.total);
  return entropy;
}

Expected<DomainNull> permuteDomains(const DocumentTable& table, const Draws& draws, const Poll& poll,
                                    const DrawVisitor& also) {
  const auto experts = static_cast<std::size_t>(table.cells);
  DomainNull null{.information = std::vector<double>(draws.count), .p = {}, .z = {}};
  ShareNull strays(groupSums(table), experts);
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
