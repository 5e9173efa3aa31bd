// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/share_null.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/statistics/multiple_testing.h"

namespace moescope {

namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TableMargins marginsOf(std::span<const double> table, std::size_t columns) {
  TableMargins sums{std::vector<double>(table.size() / columns), std::vector<double>(columns)};
  for (std::size_t at = 0; at < table.size(); ++at) {
    sums.row[at / columns] += table[at];
    sums.column[at % columns] += table[at];
    sums.total += table[at];
  }
  return sums;
}

ShareNull::ShareNull(std::vector<double> observed, std::size_t columns)
    : columns_(columns), overall_(marginsOf(observed, columns)), squares_(observed.size()), asFar_(observed.size()) {
  observed_ = distances(observed);
}

void ShareNull::add(std::span<const double> drawn) {
  const std::vector<std::int64_t> units = distances(drawn);
  const std::lock_guard lock(mutex_);
  for (std::size_t at = 0; at < units.size(); ++at) {
    squares_[at] += units[at] * units[at];
    asFar_[at] += std::abs(units[at]) >= std::abs(observed_[at]) ? 1 : 0;
  }
}

std::vector<double> ShareNull::p(std::int64_t draws, std::span<const double> rarest) const {
  std::vector<double> all(observed_.size(), nan);
  for (std::size_t at = 0; at < all.size(); ++at) {
    if (overall_.row[at / columns_] == 0 || overall_.column[at % columns_] == 0) continue;
    const double counted = (1 + static_cast<double>(asFar_[at])) / (1 + static_cast<double>(draws));
    all[at] = counted;
    if (asFar_[at] > 0 || squares_[at] == 0) continue;
    all[at] = std::min(counted, std::max(twoSidedNormal(inDeviations(at, draws)), rarest[at / columns_]));
  }
  return all;
}

std::vector<double> ShareNull::z(std::int64_t draws) const {
  std::vector<double> all(observed_.size(), nan);
  for (std::size_t at = 0; at < all.size(); ++at)
    if (squares_[at] > 0) all[at] = inDeviations(at, draws);
  return all;
}

double ShareNull::inDeviations(std::size_t at, std::int64_t draws) const {
  return static_cast<double>(observed_[at]) / std::sqrt(static_cast<double>(squares_[at]) / static_cast<double>(draws));
}

std::vector<std::int64_t> ShareNull::distances(std::span<const double> table) const {
  std::vector<std::int64_t> units(table.size());
  for (std::size_t first = 0; first < table.size(); first += columns_) {
    const std::span<const double> row = table.subspan(first, columns_);
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    for (std::size_t column = 0; column < columns_ && sum > 0; ++column)
      units[first + column] = std::llround((row[column] / sum - overall_.column[column] / overall_.total) * 0x1p24);
  }
  return units;
}

}  // namespace moescope
