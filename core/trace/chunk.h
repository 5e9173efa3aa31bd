// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/trace/trace.h"

namespace moescope {

// Adds tokens [first, first + count) of `from` to the end of `to`; both hold the same columns, or `to` is empty.
void appendTokens(TraceChunk& to, const TraceChunk& from, std::size_t first, std::size_t count);

// Only the tokens whose `keep` is not 0, in order.
TraceChunk keepTokens(const TraceChunk& chunk, std::span<const std::uint8_t> keep);

// What of a chunk contradicts itself or `info` ("document 7 of token 12 has no name"), or "" for a sound one.
// `layers` are the chunk's layers as indices into info.layers.
std::string faultOf(const TraceChunk& chunk, const TraceInfo& info, std::span<const int> layers);

}  // namespace moescope
