// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

// Chance for sets of a fixed size, as top-k routers choose them: the members of a set compete, so two experts meet less
// often than their shares alone say.
namespace moescope {

// P(i and j both in the set) [n, n], the diagonal P(i), when each set of `size` members is drawn at random such that i
// is in it with probability inclusion[i] (sum = size) and nothing else is known: the distribution of largest entropy,
// also called conditional Bernoulli (Chen, Dempster and Liu 1994). All equal: size (size - 1) / (n (n - 1)).
std::vector<double> jointInclusion(std::span<const double> inclusion, std::int64_t size);

// P(X >= x) and P(X <= x) of the number of tokens with both of two experts that `first` and `second` of `tokens` have,
// drawn independently (hypergeometric; Fisher's exact test).
struct Tails {
  double above = 1, below = 1;
  double both() const;  // two-sided, 2 times the smaller one, at most 1
};
Tails hypergeometricTails(std::int64_t tokens, std::int64_t first, std::int64_t second, std::int64_t together);
// The same for a binomial of `trials` (not whole where tokens count for less than one) and `share`.
Tails binomialTails(double trials, double share, double successes);

}  // namespace moescope
