// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string_view>

#include "core/result/drawing.h"

namespace moescope {

// A way to draw. Adding one is a file with a function like these and a line in marks.cpp.
struct Mark {
  std::string_view name;
  Expected<Drawing> (*draw)(const Result&, const Figure&, const ViewState&);
};
std::span<const Mark> marks();

// Options (figure.options) and view settings (view.set) are named at each.

// Cells over two axes. grey_within_baseline: cells whose interval holds the fair value, or that lie within noise_floor
// of it, are grey. grey_above {"value":"q","at":0.05}: cells where that other value is larger are grey. View "values"
// names another value over the same axes.
Expected<Drawing> drawHeatMap(const Result& result, const Figure& figure, const ViewState& view);

// Bars over one axis, highest first; "order":"axis" (option or view) keeps the axis's order. line: {"at","label"}.
// noise_floor shades a band round the line.
Expected<Drawing> drawSortedBars(const Result& result, const Figure& figure, const ViewState& view);

// One line a value, or one line a label of the second axis. floor:"baseline" adds the expectation, dashed, and
// floor_words says of what ("what balanced routing alone gives"); thin: names
// of values drawn thin; line: {"at","label"}; logarithmic: true for the y axis.
Expected<Drawing> drawLines(const Result& result, const Figure& figure, const ViewState& view);

// A Table as it is; arrays as columns over the first axis; summary:"mean over AXIS" one row an array: value, interval,
// floor.
Expected<Drawing> drawTable(const Result& result, const Figure& figure, const ViewState& view);

// Tokens coloured by the expert of a layer (view.at["layer"]) at a rank (view "rank", 0 = first choice). The eight
// experts with the most tokens of the text get a hue, or those in view.selected["expert"]; the rest stay neutral.
Expected<Drawing> drawTokenText(const Result& result, const Figure& figure, const ViewState& view);

}  // namespace moescope
