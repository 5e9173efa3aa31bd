// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>

namespace moescope {

// Spearman's rank correlation of two quantities in bins: `table` holds how many (or what weight of) units lie in each
// pair of bins [rows, columns], both ascending; units of one bin share its middle rank, as ties do. NaN where either
// quantity lies in one bin alone.
double rankCorrelation(std::span<const double> table, std::size_t columns);

}  // namespace moescope
