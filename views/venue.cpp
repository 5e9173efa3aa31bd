// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/venue.h"

#include <algorithm>
#include <string>

namespace moescope {

std::span<const Venue> venues() {
  static constexpr Venue list[] = {
      {"icml", 234, 486, 8, 7, true},     {"neurips", 396, 396, 9, 8, true}, {"iclr", 396, 396, 9, 8, true},
      {"acl", 218, 454, 8, 7, true},      {"ieee", 252, 516, 8, 8, true},    {"nature", 252, 519, 7, 6, false},
      {"slide", 480, 960, 18, 16, false},
  };
  return list;
}

Expected<Venue> venueNamed(std::string_view name) {
  const auto found = std::ranges::find(venues(), name, &Venue::name);
  if (found != venues().end()) return *found;
  std::string known;
  for (const Venue& venue : venues()) known += (known.empty() ? "" : ", ") + std::string(venue.name);
  return usageError("there is no preset \"" + std::string(name) + "\"; there are: " + known);
}

}  // namespace moescope
