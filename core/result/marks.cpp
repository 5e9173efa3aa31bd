// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/marks.h"

#include <fmt/format.h>

#include <algorithm>

namespace moescope {

std::span<const Mark> marks() {
  static constexpr Mark list[] = {
      {"heat map", drawHeatMap}, {"sorted bars", drawSortedBars}, {"lines", drawLines},
      {"table", drawTable},      {"token text", drawTokenText},   {"histogram", drawHistogram},
      {"lorenz", drawLorenz},    {"scatter", drawScatter},        {"matrix with tree", drawMatrixWithTree},
      {"sankey", drawSankey},
  };
  return list;
}

Expected<Drawing> draw(const Result& result, const Figure& figure, const ViewState& view) {
  const auto mark = std::ranges::find(marks(), figure.mark, &Mark::name);
  if (mark == marks().end()) {
    std::vector<std::string_view> known;
    for (const Mark& each : marks()) known.push_back(each.name);
    return usageError(fmt::format("The figure \"{}\" asks for the mark \"{}\"; there are: {}.", figure.name,
                                  figure.mark, fmt::join(known, ", ")));
  }
  if (figure.values.empty()) return usageError(fmt::format("The figure \"{}\" names no value.", figure.name));
  return mark->draw(result, figure, view);
}

}  // namespace moescope
