// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/statistics/resampling.h"

namespace moescope {

// I(domain; expert) in nats of a table of assignments [domains, experts]: sum p(d,e) ln(p(d,e) / (p(d) p(e))). Each
// token is one unit of 1/k an assignment, which scales table and total alike and leaves the value as it is. 0 for an
// empty table.
double domainInformation(std::span<const double> table, std::size_t experts);

// H(domain) in nats of the same table: the most that routing can tell.
double domainEntropy(std::span<const double> table, std::size_t experts);

// What relabelled documents say of one layer.
struct DomainNull {
  std::vector<double> information;  // by draw
  std::vector<double> p;  // [domains, experts]: how likely so unusual a share is when documents bear no label; NaN
                          // where the domain or the expert has no token
  std::vector<double> z;  // [domains, experts]: the share's distance from the overall one in deviations of the null;
                          // NaN likewise, and where the null never moves
};

// Permutes the domains of whole documents, never of tokens. p is two-sided, of the share's distance from the layer's
// overall share: (1 + as far or farther) / (1 + draws); where no draw was as far, the normal tail of the same distance
// in deviations of the null, but not less than one in as many relabellings as there are (a tail approximation as in
// Knijnenburg et al. 2009). `also` sees the sums [domains, experts] of every draw (several threads).
Expected<DomainNull> permuteDomains(const DocumentTable& table, const Draws& draws, const Poll& poll,
                                    const DrawVisitor& also = {});

}  // namespace moescope
