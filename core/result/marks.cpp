// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/marks.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/result/wording.h"

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

namespace {

// Takes out of the figure the values that the result says it could not have (facts "unavailable": {value: why}); the
// reason of the last one.
std::string dropUnavailable(const Result& result, Figure& figure) {
  const auto unavailable = result.facts.find("unavailable");
  if (unavailable == result.facts.end() || !unavailable->is_object()) return {};
  std::string why;
  std::erase_if(figure.values, [&](const std::string& value) {
    const auto reason = unavailable->find(value);
    if (reason == unavailable->end() || result.find(value) != nullptr) return false;
    why = reason->is_string() ? reason->get<std::string>() : fmt::format("This result has no {}.", value);
    return true;
  });
  return why;
}

}  // namespace

Expected<Drawing> draw(const Result& result, const Figure& figure, const ViewState& view) {
  const auto mark = std::ranges::find(marks(), figure.mark, &Mark::name);
  if (mark == marks().end()) {
    std::vector<std::string_view> known;
    for (const Mark& each : marks()) known.push_back(each.name);
    return usageError(fmt::format("The figure \"{}\" asks for the mark \"{}\"; there are: {}.", figure.name,
                                  figure.mark, fmt::join(known, ", ")));
  }
  if (figure.values.empty()) return usageError(fmt::format("The figure \"{}\" names no value.", figure.name));
  Figure shown = figure;
  std::string why = dropUnavailable(result, shown);
  if (shown.values.empty())
    return Drawing{.title = titleOf(figure, words(figure.values.front(), figure), ""), .empty = std::move(why)};
  return mark->draw(result, shown, view);
}

}  // namespace moescope
