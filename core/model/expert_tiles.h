// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace moescope {

// Neighbouring rows of one expert, of assignments.order: what one thread computes at a time.
struct ExpertTile {
  std::int64_t expert, first, count;
};

// Large enough for a product to run at full speed, small enough for the caches.
inline constexpr std::int64_t expertTileRows = 256;

// The rows of experts first, first + 1, ... in order; how they are divided depends on nothing but an expert's number of
// rows. Expert e owns rows offsets[e]..offsets[e+1].
inline std::vector<ExpertTile> expertTiles(const std::vector<std::int64_t>& offsets, std::int64_t first,
                                           std::int64_t experts) {
  std::vector<ExpertTile> tiles;
  for (std::int64_t e = first; e < first + experts; ++e) {
    const std::int64_t from = offsets[std::size_t(e)], rows = offsets[std::size_t(e) + 1] - from;
    const std::int64_t pieces = (rows + expertTileRows - 1) / expertTileRows;
    for (std::int64_t piece = 0; piece < pieces; ++piece) {
      const std::int64_t start = rows * piece / pieces;
      tiles.push_back({e, from + start, rows * (piece + 1) / pieces - start});
    }
  }
  return tiles;
}

}  // namespace moescope
