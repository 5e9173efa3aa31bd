// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>

#include "core/result/drawing.h"

namespace moescope {

// Numbers, and words that are printed numbers such as intervals, are set flush right.
inline bool flushRight(const DrawnTable& table, std::size_t column) {
  if (table.headings[column].number) return true;
  bool any = false;
  const auto numeric = [&](const std::vector<std::string>& row) {
    any = any || !row[column].empty();
    return row[column].find_first_not_of("0123456789.,-–[] e+") == std::string::npos;
  };
  return column > 0 && std::ranges::all_of(table.rows, numeric) && any;
}

// The widest that columns may be so that all fit: narrow ones keep their width, wide ones share what is left.
inline double widestThatFits(std::vector<double> widths, double room) {
  std::ranges::sort(widths);
  double used = 0;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const double even = (room - used) / static_cast<double>(widths.size() - i);
    if (widths[i] > even) return even;
    used += widths[i];
  }
  return widths.empty() ? room : widths.back();
}

}  // namespace moescope
