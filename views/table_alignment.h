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

}  // namespace moescope
