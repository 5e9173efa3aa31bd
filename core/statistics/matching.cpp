// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/matching.h"

#include <limits>

namespace moescope {

namespace {

// Rows and columns are counted from 1; column 0 stands for the row that is being placed.
class Augmentation {
 public:
  Augmentation(std::span<const double> gain, std::size_t rows, std::size_t columns, bool turned)
      : gain_(gain),
        rows_(rows),
        columns_(columns),
        turned_(turned),
        rowPrice_(rows + 1),
        columnPrice_(columns + 1),
        rowOf_(columns + 1) {}

  std::vector<int> solve() {
    for (std::size_t row = 1; row <= rows_; ++row) place(row);
    std::vector<int> columnOf(rows_, -1);
    for (std::size_t column = 1; column <= columns_; ++column)
      if (rowOf_[column] > 0) columnOf[rowOf_[column] - 1] = static_cast<int>(column - 1);
    return columnOf;
  }

 private:
  double cost(std::size_t row, std::size_t column) const {
    return turned_ ? -gain_[(column - 1) * rows_ + row - 1] : -gain_[(row - 1) * columns_ + column - 1];
  }

  void place(std::size_t row) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    std::vector<double> least(columns_ + 1, infinity);
    std::vector<std::size_t> from(columns_ + 1);
    std::vector<char> reached(columns_ + 1);
    rowOf_[0] = row;
    std::size_t column = 0;
    do {
      reached[column] = 1;
      const std::size_t at = rowOf_[column];
      double step = infinity;
      std::size_t next = 0;
      for (std::size_t other = 1; other <= columns_; ++other) {
        if (reached[other]) continue;
        const double reduced = cost(at, other) - rowPrice_[at] - columnPrice_[other];
        if (reduced < least[other]) {
          least[other] = reduced;
          from[other] = column;
        }
        if (least[other] < step) {
          step = least[other];
          next = other;
        }
      }
      for (std::size_t other = 0; other <= columns_; ++other)
        if (reached[other]) {
          rowPrice_[rowOf_[other]] += step;
          columnPrice_[other] -= step;
        } else {
          least[other] -= step;
        }
      column = next;
    } while (rowOf_[column] != 0);
    for (; column != 0; column = from[column]) rowOf_[column] = rowOf_[from[column]];
  }

  std::span<const double> gain_;
  std::size_t rows_, columns_;
  bool turned_;
  std::vector<double> rowPrice_, columnPrice_;
  std::vector<std::size_t> rowOf_;  // by column; 0 = free
};

}  // namespace

std::vector<int> bestMatching(std::span<const double> gain, std::size_t rows, std::size_t columns) {
  if (rows <= columns) return Augmentation(gain, rows, columns, false).solve();
  const std::vector<int> rowOf = Augmentation(gain, columns, rows, true).solve();
  std::vector<int> columnOf(rows, -1);
  for (std::size_t column = 0; column < columns; ++column) columnOf[rowOf[column]] = static_cast<int>(column);
  return columnOf;
}

}  // namespace moescope
