// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

namespace moescope {

// Sums of a table [rows, columns].
struct TableMargins {
  std::vector<double> row, column;
  double total = 0;
};
TableMargins marginsOf(std::span<const double> table, std::size_t columns);

// How far each row's shares of the columns lie from the overall shares, in a table and in the draws of its null: how
// often a draw lies at least as far. Distances are held in whole units of 2^-24, so that their sums do not depend on
// the order in which threads bring them.
class ShareNull {
 public:
  ShareNull(std::vector<double> observed, std::size_t columns);
  void add(std::span<const double> drawn);  // any thread

  // Two-sided: (1 + as far or farther) / (1 + draws); where no draw was as far, the normal tail of the same distance in
  // deviations of the null, but not less than `rarest` of its row. NaN where row or column is empty.
  std::vector<double> p(std::int64_t draws, std::span<const double> rarest) const;
  // The distance in deviations of the null; NaN where that never moves.
  std::vector<double> z(std::int64_t draws) const;

 private:
  std::vector<std::int64_t> distances(std::span<const double> table) const;
  double inDeviations(std::size_t at, std::int64_t draws) const;

  std::size_t columns_;
  TableMargins overall_;
  std::vector<std::int64_t> squares_, asFar_, observed_;
  std::mutex mutex_;
};

}  // namespace moescope
