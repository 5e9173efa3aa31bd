// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moescope {

struct Communities {
  std::vector<std::int64_t> of;  // by node, 0 the largest
  double modularity = 0;  // share of weight within, beyond what nodes of these strengths would have (Newman 2004)
};

// Groups of nodes with much weight between them: greedy moves and merging of groups (Louvain, Blondel et al. 2008),
// nodes in their order, so that equal weights give equal groups. `weight` [n, n] symmetric and >= 0; its diagonal does
// not count.
Communities findCommunities(std::span<const double> weight, std::int64_t count);

double modularityOf(std::span<const double> weight, std::span<const std::int64_t> group);

}  // namespace moescope
