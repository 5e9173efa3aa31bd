// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace moescope {

// The pairing of rows with columns of `gain` [rows, columns], finite, whose sum is largest: the column of every row,
// each column at most once (Kuhn 1955; shortest augmenting paths, O(rows^2 columns)). With more rows than columns the
// rest get -1.
std::vector<int> bestMatching(std::span<const double> gain, std::size_t rows, std::size_t columns);

}  // namespace moescope
