// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result/drawing.h"

namespace moescope {

// About `about` round numbers within [low, high], with equally many decimals. Empty when the range is empty or not
// finite.
std::vector<Tick> niceTicks(double low, double high, int about);

// What a renderer with room for so many ticks shows: the axis's own, thinned; else round numbers, decades on a
// logarithmic axis.
std::vector<Tick> axisTicks(const DrawingAxis& axis, int room);

// Ticks of an axis of labels: all of few or of words, every 2nd, 4th, 8th, ... of many numbers.
std::vector<Tick> labelTicks(const Axis& axis);

// As many ticks as there is room for, evenly left out: every 2nd, 4th, 8th, ...
std::vector<Tick> thinned(const std::vector<Tick>& ticks, std::size_t room);

// The range that shows these numbers: 0 is in it when that costs little room, and a margin above. NaN and infinities
// aside.
void fitAxis(DrawingAxis& axis, const std::vector<const std::vector<double>*>& numbers);

// How a figure's values become colours: by figure.scaleName, "" being "linear"; option "colours" names another
// sequential map.
struct Colouring {
  ColourScale scale;
  bool logarithmic = false;    // log2
  std::optional<double> fair;  // the value at the neutral centre of a diverging scale
  std::size_t beyond = 0;      // values outside the colours
  std::string words;           // for the caption: "log₂ scale, colours end at ⅛ and 8 × (3 cells beyond)"
  double operator()(double value) const;  // transformed and kept within the scale; NaN stays
};
// Usage error for an unknown scale.
Expected<Colouring> colouring(const Figure& figure, const std::vector<double>& values, const std::string& unit);

}  // namespace moescope
