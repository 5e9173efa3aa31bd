// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace moescope {

// Length in bytes of the character that starts with `first` in valid UTF-8.
inline std::size_t utf8Length(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

// The character at `at` of valid UTF-8.
std::uint32_t utf8At(std::string_view text, std::size_t at);

bool isValidUtf8(std::string_view text);
// Each maximal part of an ill-formed sequence becomes U+FFFD, as Python's errors="replace" and the WHATWG decoder do.
std::string validUtf8(std::string_view bytes);

bool isWhiteSpace(std::uint32_t character);       // Unicode White_Space
bool isWordCharacter(std::uint32_t character);    // \w: alphabetic, marks, decimal numbers, connectors, joiners (UTS 18)
bool isNumeric(std::uint32_t character);          // Nd, Nl, No
bool isPunctuation(std::uint32_t character);      // ASCII punctuation or P*

}  // namespace moescope
