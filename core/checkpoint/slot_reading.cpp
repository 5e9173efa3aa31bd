// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/slot_reading.h"

#include <algorithm>
#include <cassert>

#include "core/checkpoint/tensor_values.h"

namespace moescope {
namespace {

// Calls copy(index among the stored numbers, index in the parameter) for `count` stored rows from `first` on.
template <class Copy>
void forEachNumber(const Slot& slot, std::int64_t first, std::int64_t count, const Copy& copy) {
  const std::int64_t stored = slot.storedColumns(), columns = slot.columns();
  if (!slot.transposed) {
    for (std::int64_t row = 0; row < count; ++row) {
      const std::int64_t target = slot.rowOf(first + row) * columns;
      for (std::int64_t column = 0; column < columns; ++column) copy(row * stored + column, target + column);
    }
    return;
  }
  constexpr std::int64_t block = 16;  // columns at once, so that both sides stay within few cache lines
  for (std::int64_t from = 0; from < stored; from += block)
    for (std::int64_t row = 0; row < count; ++row)
      for (std::int64_t column = from; column < std::min(stored, from + block); ++column)
        copy(row * stored + column, slot.rowOf(column) * columns + first + row);
}

std::int64_t storedRows(const Slot& slot) {
  return slot.transposed ? slot.columns() : slot.rows();
}

}  // namespace

Expected<void> readSlot(const Shards::Place& place, const Slot& slot, std::int64_t expert, std::span<float> into) {
  assert(into.size() == static_cast<std::size_t>(slot.size()));
  if (!slot.transposed && !slot.interleaved) return readValues(place, slot.first(expert), into);
  const std::int64_t stored = slot.storedColumns(), all = storedRows(slot);
  const std::int64_t atOnce = std::clamp<std::int64_t>((1 << 18) / std::max<std::int64_t>(stored, 1), 1, all);
  std::vector<float> some(static_cast<std::size_t>(atOnce * stored));
  for (std::int64_t row = 0; row < all; row += atOnce) {
    const std::int64_t count = std::min(atOnce, all - row);
    TRY_DO(readValues(place, slot.first(expert) + row * stored,
                      std::span(some).first(static_cast<std::size_t>(count * stored))));
    forEachNumber(slot, row, count, [&](std::int64_t from, std::int64_t to) {
      into[static_cast<std::size_t>(to)] = some[static_cast<std::size_t>(from)];
    });
  }
  return {};
}

std::int64_t bytesOfSlot(const Shards::Place& place, const Slot& slot) {
  return bytesOfValues(*place.tensor->dtype, slot.size());
}

void storeSlot(const Slot& slot, std::int64_t expert, std::span<const float> from, std::span<float> tensor) {
  assert(from.size() == static_cast<std::size_t>(slot.size()));
  const std::span<float> part =
      tensor.subspan(static_cast<std::size_t>(slot.first(expert)), static_cast<std::size_t>(slot.size()));
  forEachNumber(slot, 0, storedRows(slot), [&](std::int64_t to, std::int64_t at) {
    part[static_cast<std::size_t>(to)] = from[static_cast<std::size_t>(at)];
  });
}

}  // namespace moescope
