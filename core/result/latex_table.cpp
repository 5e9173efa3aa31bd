// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/latex_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/result/latex.h"

namespace moescope {

std::string latexTable(const Drawing& drawing, std::size_t rows) {
  if (drawing.table) return booktabs(*drawing.table);
  DrawnTable table;
  const auto& data = drawing.data;
  for (std::size_t column = 0; column < data.columns.size(); ++column) {
    const bool numbers =
        std::ranges::all_of(data.rows, [&](const auto& row) { return std::holds_alternative<double>(row[column]); });
    table.headings.push_back({data.columns[column], "", numbers});
  }
  for (const auto& row : data.rows) {
    if (table.rows.size() == rows) break;
    auto& cells = table.rows.emplace_back();
    for (const auto& cell : row)
      cells.push_back(std::holds_alternative<double>(cell) ? number(std::get<double>(cell))
                                                           : std::get<std::string>(cell));
  }
  std::string text = booktabs(table);
  if (data.rows.size() > rows) text += fmt::format("% the first {} of {} rows\n", rows, data.rows.size());
  return text;
}

}  // namespace moescope
