// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <vector>

namespace moescope {

// q-values of p-values: q(i) = min over j >= i of p(j) m / j in ascending order of p, at most 1; rejecting q <= 0.05
// keeps the false discovery rate at 5 % (Benjamini and Hochberg 1995). NaN stays NaN and does not count among the m.
std::vector<double> benjaminiHochberg(std::span<const double> p);

// P(|Z| >= |z|) of a standard normal Z.
double twoSidedNormal(double z);

}  // namespace moescope
