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

// How often values occur. Over one axis whose labels are the lower edges of bins: counted already, with the baseline as
// dashed steps. Else the values over the figure's axes (none: all of them) are counted in "bins" (default: by Freedman
// and Diaconis 1981); "null" names an array of what chance alone gives, counted in the same bins and scaled to the same
// total. The values of selected indices are upright lines. line: {"at","label"}, upright too. logarithmic: the x axis.
Expected<Drawing> drawHistogram(const Result& result, const Figure& figure, const ViewState& view);

// The share of the total that the lowest shares of an axis hold (Lorenz 1905), with the line of equality. Over two axes
// one curve a label of the first. "floor":"cv" names a value whose baseline is the coefficient of variation under
// chance alone: the curve that gives is dashed.
Expected<Drawing> drawLorenz(const Result& result, const Figure& figure, const ViewState& view);

// Two arrays over the same axes, x and y, with their intervals as whiskers; or one Points value. "labelled": how many
// of the points farthest from the middle are named (default 8); "diagonal": true draws y = x; line: {"at","label"};
// logarithmic_x, logarithmic_y.
Expected<Drawing> drawScatter(const Result& result, const Figure& figure, const ViewState& view);

// A heat map of an axis against itself, rows and columns in the order of a dendrogram's leaves, which stands above it.
// "linkage" names an array [.., merge, part]: left, right, height as scipy.cluster.hierarchy has them (leaves 0 .. n-1,
// merge i makes node n + i). "groups" names an array over the axis: neighbours of one group are framed.
Expected<Drawing> drawMatrixWithTree(const Result& result, const Figure& figure, const ViewState& view);

// What goes from each layer to the next, over axes {layer, expert, expert}; with a baseline (what independent layers
// hand on) ribbons are coloured by the ratio. Option "to" names an array over the first axis: the layer that each hands
// on to (default: the next; a row without flow ends it). Option or view "columns": layers shown (3), "from": the first of them
// (default: the page of the selected layer), "threshold": experts below so many fair shares stand together (1.5).
Expected<Drawing> drawSankey(const Result& result, const Figure& figure, const ViewState& view);

}  // namespace moescope
