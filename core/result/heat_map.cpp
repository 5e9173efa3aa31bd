// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/result/marks.h"
#include "core/result/scale.h"
#include "core/result/slice.h"
#include "core/result/wording.h"

namespace moescope {

namespace {

constexpr std::size_t largestSide = 2048;      // what a screen can show and the plot library can take
constexpr std::size_t mostReadOuts = 1 << 18;  // beyond that a read-out is a pixel

std::string cellPlace(const Slice& slice, std::size_t cell) {
  const std::size_t columns = slice.extent(1);
  return place(*slice.axes[0], cell / columns) + " · " + place(*slice.axes[1], cell % columns);
}

// Grey: the interval holds the fair value; without an interval, the value lies within the noise floor of it.
std::vector<bool> greyCells(const Slice& slice, const Colouring& colours, const std::vector<double>& noise) {
  std::vector<bool> grey(slice.values.size());
  for (std::size_t cell = 0; cell < grey.size(); ++cell) {
    const double fair = slice.baseline.empty() ? colours.fair.value_or(0) : slice.baseline[cell];
    const double value = slice.values[cell], low = slice.lowAt(cell), high = slice.highAt(cell);
    if (std::isnan(value)) continue;
    if (!std::isnan(low) && !std::isnan(high))
      grey[cell] = low <= fair && fair <= high;
    else if (!noise.empty())
      grey[cell] = std::abs(value - fair) <= noise[cell];
  }
  return grey;
}

// Grey by another value over the same axes: grey_above {"value":"q","at":0.05}; a cell without that value is grey too.
struct GreyAbove {
  Slice value;
  double at = 0;
};
Expected<std::optional<GreyAbove>> greyAbove(const Result& result, const Figure& figure, const ViewState& view) {
  const auto option = figure.options.find("grey_above");
  if (option == figure.options.end()) return std::optional<GreyAbove>();
  const Json value = option->is_object() ? option->value("value", Json()) : Json();
  const Json at = option->is_object() ? option->value("at", Json()) : Json();
  if (!value.is_string() || !at.is_number())
    return usageError(fmt::format("The heat map \"{}\" has a grey_above without value and at.", figure.name));
  TRY(other, moescope::slice(result, figure, value.get<std::string>(), view));
  return std::optional<GreyAbove>(GreyAbove{std::move(other), at.get<double>()});
}

void greyCellsAbove(Cells& cells, const Slice& slice, const GreyAbove& above) {
  cells.grey.assign(slice.values.size(), false);
  for (std::size_t cell = 0; cell < cells.grey.size(); ++cell) {
    const double value = above.value.values[cell];
    cells.grey[cell] = !std::isnan(slice.values[cell]) && !(value <= above.at);
    if (cell < cells.readOut.size() && !std::isnan(value))
      cells.readOut[cell] += fmt::format(", {} {}", above.value.name, number(value, 2));
  }
}

std::string greyWords(const Slice& slice, const Colouring& colours) {
  const std::string fair = slice.array->unit.find("fair") != std::string::npos ? "fair"
                           : colours.fair                                      ? "the centre"
                                                                               : "the baseline";
  return slice.low.empty() ? "cells within 2σ of " + fair + " are grey"
                           : "cells whose 95 % interval holds " + fair + " are grey";
}

DrawnData tidy(const Slice& slice) {
  DrawnData data;
  const std::string first = slice.axes[0]->name, second = slice.axes[1]->name;
  data.columns = {first, first == second ? second + "_2" : second, slice.name};
  if (!slice.baseline.empty()) data.columns.push_back("baseline");
  if (!slice.low.empty()) data.columns.insert(data.columns.end(), {"low", "high"});
  const std::size_t columns = slice.extent(1);
  for (std::size_t cell = 0; cell < slice.values.size(); ++cell) {
    auto& row = data.rows.emplace_back();
    row = {slice.axes[0]->labels[cell / columns], slice.axes[1]->labels[cell % columns], slice.values[cell]};
    if (!slice.baseline.empty()) row.emplace_back(slice.baseline[cell]);
    if (!slice.low.empty()) row.insert(row.end(), {slice.low[cell], slice.high[cell]});
  }
  return data;
}

// Frames round what the selection holds: rows and columns of the shown axes.
void outline(Drawing& drawing, const Slice& slice, const ViewState& view) {
  const double rows = static_cast<double>(slice.extent(0)), columns = static_cast<double>(slice.extent(1));
  const auto within = [](std::int64_t index, double count) { return index >= 0 && static_cast<double>(index) < count; };
  const auto frameRow = [&](std::int64_t row) {
    const auto y = static_cast<double>(row);
    if (within(row, rows)) drawing.items.emplace_back(Outline{-0.5, y - 0.5, columns - 0.5, y + 0.5});
  };
  const std::string &rowAxis = slice.axes[0]->name, &columnAxis = slice.axes[1]->name;
  if (const auto at = view.at.find(rowAxis); at != view.at.end()) frameRow(at->second);
  if (const auto chosen = view.selected.find(rowAxis); chosen != view.selected.end())
    for (std::int64_t row : chosen->second) frameRow(row);
  if (const auto chosen = view.selected.find(columnAxis); chosen != view.selected.end())
    for (std::int64_t column : chosen->second) {
      const auto x = static_cast<double>(column);
      if (within(column, columns)) drawing.items.emplace_back(Outline{x - 0.5, -0.5, x + 0.5, rows - 0.5});
    }
}

Cells cellsOf(const Slice& slice, const Colouring& colours) {
  Cells cells{.rows = static_cast<std::int64_t>(slice.extent(0)),
              .columns = static_cast<std::int64_t>(slice.extent(1)),
              .rowAxis = slice.axes[0]->name,
              .columnAxis = slice.axes[1]->name};
  for (std::size_t cell = 0; cell < slice.values.size(); ++cell) {
    cells.colour.push_back(colours(slice.values[cell]));
    if (slice.values.size() <= mostReadOuts)
      cells.readOut.push_back(cellPlace(slice, cell) + "\n" +
                              measured(slice.values[cell], slice.array->unit, slice.lowAt(cell), slice.highAt(cell)));
  }
  if (slice.values.size() <= 4096) cells.text = evenly(slice.values, slice.array->whole, false);
  return cells;
}

}  // namespace

Expected<Drawing> drawHeatMap(const Result& result, const Figure& figure, const ViewState& view) {
  if (figure.axes.size() != 2)
    return usageError(fmt::format("The heat map \"{}\" is over {} axes; it needs two: rows, columns.", figure.name,
                                  figure.axes.size()));
  const auto other = view.set.find("values");
  TRY(slice, moescope::slice(result, figure, other == view.set.end() ? figure.values.front() : other->second, view));
  const std::string& unit = slice.array->unit;
  TRY(colours, colouring(figure, slice.values, unit));
  const std::string name = words(slice.name, figure);
  Drawing drawing;
  drawing.title =
      titleOf(figure, name + " by " + words(slice.axes[0]->name, figure) + " and " + words(slice.axes[1]->name, figure),
              slice.at);
  drawing.data = tidy(slice);
  if (slice.values.empty()) {
    drawing.empty = fmt::format("There is no {} to show: the result has no {}.", name,
                                slice.axes[slice.extent(0) == 0 ? 0 : 1]->name);
    return drawing;
  }
  if (slice.extent(0) > largestSide || slice.extent(1) > largestSide) {
    drawing.empty = fmt::format("{} × {} cells are more than a heat map shows; choose fewer, or export the values.",
                                slice.extent(0), slice.extent(1));
    return drawing;
  }
  if (!slice.at.empty() && std::ranges::all_of(slice.values, [](double value) { return std::isnan(value); })) {
    drawing.empty = fmt::format("There is no {} at {}.", name, slice.at);
    return drawing;
  }
  Cells cells = cellsOf(slice, colours);
  std::string grey;
  if (figure.options.value("grey_within_baseline", Json(false)) == true) {
    TRY(noise, noiseFloor(result, figure, slice));
    cells.grey = greyCells(slice, colours, noise);
    if (!slice.low.empty() || !noise.empty()) grey = greyWords(slice, colours);
  }
  TRY(above, greyAbove(result, figure, view));
  const bool judged =
      above && std::ranges::any_of(above->value.values, [](double value) { return !std::isnan(value); });
  if (judged) {
    greyCellsAbove(cells, slice, *above);
    grey = fmt::format("cells with {} > {} are grey", above->value.name, number(above->at));
  }
  drawing.caption =
      captioned({sentence(quantity(slice.name, unit, figure)) + (colours.words.empty() ? "" : ", " + colours.words),
                 grey, sizeWords(result.facts)});
  drawing.x = {.label = words(cells.columnAxis, figure),
               .low = -0.5,
               .high = cells.columns - 0.5,
               .ticks = labelTicks(*slice.axes[1])};
  drawing.y = {.label = words(cells.rowAxis, figure),
               .low = -0.5,
               .high = cells.rows - 0.5,
               .reversed = true,
               .ticks = labelTicks(*slice.axes[0])};
  drawing.scale = std::move(colours.scale);
  drawing.items.emplace_back(std::move(cells));
  outline(drawing, slice, view);
  return drawing;
}

}  // namespace moescope
