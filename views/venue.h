// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string_view>

#include "core/base/expected.h"

namespace moescope {

// How wide a figure is at a venue and how its text is set, in points (72 an inch). From the venues' author kits;
// NeurIPS and ICLR have one column of text, so one column is the full width there.
struct Venue {
  std::string_view name;
  int column, full;  // widths
  int text, tick;    // font sizes
  bool serif;        // Times-metric, else a grotesque
};

std::span<const Venue> venues();
Expected<Venue> venueNamed(std::string_view name);  // usage error that lists them

}  // namespace moescope
