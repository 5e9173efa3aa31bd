// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/result/drawing.h"

namespace moescope {

// An array cut down to the axes that a figure shows, in the figure's order, row-major. Padding is NaN in both kinds of
// array.
struct Slice {
  std::string name;  // of the value
  const Array* array = nullptr;
  std::vector<const Axis*> axes = {};
  std::vector<double> values = {};
  std::vector<double> baseline = {}, low = {}, high = {};  // empty where the array has none
  std::string at = {};                                     // what is held fixed: "layer 2 (block 3)"; empty for nothing
  std::size_t fixed = 0;                                   // its index

  std::size_t extent(std::size_t axis) const { return axes[axis]->labels.size(); }
  double lowAt(std::size_t cell) const;  // NaN without an interval
  double highAt(std::size_t cell) const;
};

// `over` replaces the figure's axes. Input error when the value is missing, no array, or over other axes than these and
// figure.atAxis. An index in `view` beyond the axis is taken as its last one: the selection may come from a bigger
// model.
Expected<Slice> slice(const Result& result, const Figure& figure, const std::string& value, const ViewState& view,
                      const std::vector<std::string>& over);
Expected<Slice> slice(const Result& result, const Figure& figure, const std::string& value, const ViewState& view);

// Half the width of the noise band round the fair value, one a cell: the figure's option "noise_floor", a number or the
// name of a value over some of the same axes (2 sigma under balanced routing). Empty when the figure has no such
// option.
Expected<std::vector<double>> noiseFloor(const Result& result, const Figure& figure, const Slice& slice);

}  // namespace moescope
