// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moescope {

// Experts that most domains lean on ("standing committee", arXiv 2601.03425, made countable here): C(d) is the smallest
// set of experts that carries `tau` of the domain's assignments (ties by number), and the committee holds the experts
// that are in C(d) of at least `theta` of the domains that have tokens.
struct Committee {
  std::vector<std::uint8_t> present;  // [domains, experts]: in C(d)
  std::vector<std::int64_t> sizes;    // |C(d)| of the domains with tokens
  std::vector<std::uint8_t> member;   // [experts]
  std::int64_t size = 0;
  double mass = 0;  // share of all assignments that go to members
  double jaccard =
      0;  // |C(a) and C(b)| / |C(a) or C(b)|, mean over pairs of domains with tokens; NaN for fewer than two
};
Committee committeeOf(std::span<const double> table, std::size_t experts, double tau, double theta);

// The same where every domain keeps how unevenly it loads but chooses its experts independently of the others. Exact:
// an expert is in C(d) with probability |C(d)| / E (Poisson binomial tail), and two sets meet hypergeometrically.
struct ChanceCommittee {
  double size = 0, jaccard = 0;
};
ChanceCommittee chanceCommittee(std::span<const std::int64_t> sizes, std::size_t experts, double theta);

// [domains, experts]: share of the domain's assignments that its r + 1 most loaded experts carry; NaN without tokens.
std::vector<double> massCoverage(std::span<const double> table, std::size_t experts);

}  // namespace moescope
