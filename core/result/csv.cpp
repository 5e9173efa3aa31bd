// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <cmath>

#include "core/result/drawing.h"

namespace moescope {

namespace {

// RFC 4180: quoted only where needed, quotes doubled.
std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string inner;
  for (char c : text) inner += c == '"' ? "\"\"" : std::string(1, c);
  return fmt::format("\"{}\"", inner);
}

// The shortest digits that read back to the same number; nothing for NaN, as data frames expect.
std::string exact(double value) {
  return std::isnan(value) ? "" : fmt::format("{}", value);
}

// A table of a result is data itself, and may be long: there is no second copy of it.
std::string csvOf(const DrawnTable& table) {
  std::string text;
  for (const auto& heading : table.headings) text += (text.empty() ? "" : ",") + quoted(heading.text);
  text += "\n";
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    for (std::size_t column = 0; column < table.headings.size(); ++column) {
      if (column > 0) text += ",";
      text += table.headings[column].number ? exact(table.numbers[row][column]) : quoted(table.rows[row][column]);
    }
    text += "\n";
  }
  return text;
}

}  // namespace

std::string csv(const Drawing& drawing) {
  if (drawing.data.columns.empty() && drawing.table) return csvOf(*drawing.table);
  std::string text;
  for (const std::string& column : drawing.data.columns)
    text += fmt::format("{}{}", text.empty() ? "" : ",", quoted(column));
  text += "\n";
  for (const auto& row : drawing.data.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i > 0) text += ",";
      text += std::holds_alternative<double>(row[i]) ? exact(std::get<double>(row[i]))
                                                     : quoted(std::get<std::string>(row[i]));
    }
    text += "\n";
  }
  return text;
}

}  // namespace moescope
