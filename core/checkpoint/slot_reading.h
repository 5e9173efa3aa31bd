// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/shards.h"
#include "core/checkpoint/slot.h"

namespace moescope {

// What a slot holds (of `expert`, where it holds several), in fp32 and in the decoder's orientation: slot.rows() rows
// of slot.columns() numbers, gate's before up's. Reads no other byte of the file; `into` has slot.size() numbers. The
// slot fits the tensor (readInventory saw to that). Takes at most 2 MiB, or twice a row on disk, beside `into`. Any
// thread.
Expected<void> readSlot(const Shards::Place& place, const Slot& slot, std::int64_t expert, std::span<float> into);

// How many bytes of the file readSlot reads.
std::int64_t bytesOfSlot(const Shards::Place& place, const Slot& slot);

// The other direction: puts slot.size() numbers where the slot has them in `tensor`, the whole tensor in fp32.
void storeSlot(const Slot& slot, std::int64_t expert, std::span<const float> from, std::span<float> tensor);

}  // namespace moescope
