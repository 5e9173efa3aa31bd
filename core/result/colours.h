// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/result/drawing.h"

namespace moescope {

struct Rgb {
  std::uint8_t red = 0, green = 0, blue = 0;
  bool operator==(const Rgb&) const = default;
};

// What lies under the colours: the neutral cell, through which a diverging map runs, and whether the ground is dark.
struct Ground {
  Rgb neutral{0xec, 0xef, 0xf3};
  bool dark = false;
};

// Evenly spaced colours from the low to the high end of "viridis", "cividis" or "blue white red"; viridis for any other
// name. Licences: resources/colours/README.md.
std::vector<Rgb> colourStops(std::string_view map, const Ground& ground);

// Between the stops, in a straight line; `share` is cut to [0, 1].
Rgb mixed(const std::vector<Rgb>& stops, double share);

// The colour of a cell; the value is in the scale's own units.
Rgb colourOf(const ColourScale& scale, double value, const Ground& ground);

// Okabe-Ito without its black, which is text, and with a grey as the eighth; in the order of the window.
Rgb domainColour(int index);

// Inks on white paper.
Rgb paperInk(Ink ink);

// Black or white: whichever is read better on this ground.
bool wantsLightText(const Rgb& ground);

}  // namespace moescope
