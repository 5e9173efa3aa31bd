// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace moescope {

// GPT-2's byte-level alphabet: printable Latin-1 bytes stand for themselves, the others follow from U+0100 on in order, so that
// every byte is a visible character (Radford et al. 2019, `bytes_to_unicode`).
const std::array<std::string, 256>& byteLevelAlphabet();

// The bytes that a piece of byte-level characters stands for, or nothing when it holds another character.
std::optional<std::string> bytesOfByteLevel(std::string_view piece);

}  // namespace moescope
