// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "core/analysis/counted_trace.h"

namespace moescope {

// What chance alone gives for pairs of experts of one layer, from the shares of each expert alone.
struct PairChance {
  std::vector<double> expected;  // [E, E] tokens with both; the diagonal the counts themselves
  std::vector<double> p;         // [E, E] two-sided; NaN on the diagonal
  bool fixedSize = false;        // sets of k compete (jointInclusion); else independent experts (hypergeometric)
  double effect = 1;             // design effect of whole documents, by which tokens were divided
};

// Fixed-size sets where every token has exactly top_k experts, unless `independent` asks for Fisher's null.
PairChance pairChance(const CountedTrace& counted, std::size_t layer, bool independent);

// Design effect of a layer's counts by document.
double designEffect(const CountedTrace& counted, std::size_t layer);

}  // namespace moescope
