// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moescope {

// What a table of assignments [domains, experts] says of one layer, as one flat list, so that observation, bootstrap
// and null go through the same function.
struct DomainQuestion {
  double tau = 0.5, theta = 0.9;                      // of the committee
  std::vector<std::uint8_t> first = {}, second = {};  // by domain: the two sides of the contrast
  double chosen = 1;                                  // assignments a token
};

// Where each measure lies in the list: single numbers, then one number an expert.
struct DomainMeasures {
  enum Single : std::size_t { information, dispatchEntropy, committee, committeeMass, jaccard, singles };
  enum ByExpert : std::size_t { variation, divergence, difference, byExpert };
  static std::size_t at(ByExpert what, std::size_t expert, std::size_t experts) {
    return singles + what * experts + expert;
  }
  static std::size_t count(std::size_t experts) { return singles + byExpert * experts; }
};
//   information      I(D;E), nats
//   dispatchEntropy  H(D|E), nats: 0 where every expert serves one domain
//   variation        population standard deviation over domains of the expert's share, over their mean
//   divergence       Jensen-Shannon divergence, bits, of the expert's domains from the layer's
//   difference       share of the first side's tokens with the expert less that of the second's
// NaN where domains or experts are without tokens.
std::vector<double> domainMeasures(std::span<const double> table, std::size_t experts, const DomainQuestion& question);

// Log-odds ratio of a token of the domain choosing the expert against the tokens of the other domains, with an
// informative Dirichlet prior of `prior` tokens that choose as the whole layer does, and its z with tokens as
// independent units (Monroe, Colaresi and Quinn 2008, equations 16 to 22). [domains, experts]; NaN where the other
// domains have no tokens, or the expert none.
struct LogOdds {
  std::vector<double> ratio, z;
};
LogOdds logOdds(std::span<const double> table, std::size_t experts, std::span<const std::int64_t> tokens, double prior);

}  // namespace moescope
