// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/latex.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "core/result/utf8.h"

namespace moescope {

std::string latex(const std::string& text) {
  static const std::pair<std::string_view, std::string_view> known[] = {
      {"×", "$\\times$"}, {"·", "$\\cdot$"},   {"–", "--"},         {"−", "$-$"},        {"σ", "$\\sigma$"},
      {"₂", "$_2$"},      {"½", "$\\frac12$"}, {"¼", "$\\frac14$"}, {"⅛", "$\\frac18$"}, {"→", "$\\to$"},
      {"…", "\\dots{}"},  {"“", "``"},         {"”", "''"},         {"’", "'"}};
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = std::max<std::size_t>(characterLength(byte), 1);
    const std::string character = text.substr(at, length);
    at += length;
    const auto found =
        std::ranges::find(known, std::string_view(character), [](const auto& pair) { return pair.first; });
    if (found != std::end(known))
      out += found->second;
    else if (length > 1)
      out += byte == 0xC2 || byte == 0xC3 ? character : "?";
    else if (std::string_view("#$%&_{}").find(static_cast<char>(byte)) != std::string_view::npos)
      out += "\\" + character;
    else if (byte == '\\')
      out += "\\textbackslash{}";
    else if (byte == '~')
      out += "\\textasciitilde{}";
    else if (byte == '^')
      out += "\\textasciicircum{}";
    else if (byte >= 32)
      out += character;
    else
      out += ' ';
  }
  return out;
}

std::string real(double value) {
  if (std::isnan(value)) return "nan";
  return std::isinf(value) ? (value > 0 ? "inf" : "-inf") : fmt::format("{}", value);
}

std::string colourName(Ink ink) {
  return fmt::format("ink{}", static_cast<int>(ink));
}

std::string booktabs(const DrawnTable& table) {
  std::string columns, text;
  for (const auto& heading : table.headings) columns += heading.number ? "r" : "l";
  text = fmt::format("\\begin{{tabular}}{{{}}}\n\\toprule\n", columns);
  const auto row = [&](const std::vector<std::string>& cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) text += (i ? " & " : "") + latex(cells[i]);
    text += " \\\\\n";
  };
  std::vector<std::string> headings;
  for (const auto& heading : table.headings)
    headings.push_back(heading.unit.empty() ? heading.text : heading.text + ", " + heading.unit);
  row(headings);
  text += "\\midrule\n";
  for (const auto& cells : table.rows) row(cells);
  return text + "\\bottomrule\n\\end{tabular}\n";
}

}  // namespace moescope
