// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/slot.h"

#include <functional>
#include <numeric>

namespace moescope {

std::span<const std::int64_t> Slot::piece() const {
  if (!matrix.empty()) return matrix;
  return std::span(shape).subspan(experts > 0 ? 1 : 0);
}

std::int64_t Slot::pieceRows() const {
  return piece().empty() ? 1 : piece().front();
}

std::int64_t Slot::storedColumns() const {
  const auto extents = piece();
  return extents.size() < 2 ? 1
                            : std::accumulate(extents.begin() + 1, extents.end(), std::int64_t{1}, std::multiplies<>());
}

std::int64_t Slot::rows() const {
  return transposed ? storedColumns() : storedRows > 0 ? storedRows : pieceRows();
}

std::int64_t Slot::columns() const {
  return transposed ? pieceRows() : storedColumns();
}

std::int64_t Slot::first(std::int64_t expert) const {
  return (experts > 0 ? expert * pieceRows() * storedColumns() : 0) + storedRow * storedColumns();
}

std::int64_t Slot::rowOf(std::int64_t stored) const {
  return interleaved ? stored / 2 + stored % 2 * (rows() / 2) : stored;
}

}  // namespace moescope
