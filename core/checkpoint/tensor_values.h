// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/shards.h"

namespace moescope {

// Types whose values are read to fp32: F32, BF16, F16, F64 and those of one byte (F8_*).
bool isReal(const Dtype& dtype);

// The numbers [first, first + into.size()) of a stored tensor of a real type, in fp32; F64 is rounded, FP8 weights are
// multiplied by the scales of their blocks, of which only those needed are read. Takes at most a MiB and those scales
// beside `into`. Any thread. Input errors of the file.
Expected<void> readValues(const Shards::Place& place, std::int64_t first, std::span<float> into);

// Bytes of the file that readValues reads for that many numbers, without scales.
std::int64_t bytesOfValues(const Dtype& dtype, std::int64_t numbers);

}  // namespace moescope
