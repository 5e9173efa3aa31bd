// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/rank_correlation.h"

#include <cmath>
#include <limits>
#include <vector>

namespace moescope {

namespace {

// Middle rank of every bin, less the mean of all ranks.
std::vector<double> centredRanks(std::span<const double> counts, double total) {
  std::vector<double> ranks;
  double before = 0;
  for (double count : counts) {
    ranks.push_back(before + count / 2 - total / 2);
    before += count;
  }
  return ranks;
}

}  // namespace

double rankCorrelation(std::span<const double> table, std::size_t columns) {
  std::vector<double> rows(table.size() / columns), across(columns);
  double total = 0;
  for (std::size_t at = 0; at < table.size(); ++at) {
    rows[at / columns] += table[at];
    across[at % columns] += table[at];
    total += table[at];
  }
  const std::vector<double> x = centredRanks(rows, total), y = centredRanks(across, total);
  double product = 0, xSquares = 0, ySquares = 0;
  for (std::size_t at = 0; at < table.size(); ++at) product += table[at] * x[at / columns] * y[at % columns];
  for (std::size_t row = 0; row < rows.size(); ++row) xSquares += rows[row] * x[row] * x[row];
  for (std::size_t column = 0; column < columns; ++column) ySquares += across[column] * y[column] * y[column];
  const double scale = std::sqrt(xSquares) * std::sqrt(ySquares);
  return scale > 0 ? product / scale : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace moescope
