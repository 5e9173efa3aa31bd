// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace moescope {

// What a file that should be safetensors is instead, told by its first bytes, and what to do: "it is a GGUF file: ...".
// Empty when they say nothing.
std::string_view foreignFormat(std::span<const std::byte> start);

}  // namespace moescope
