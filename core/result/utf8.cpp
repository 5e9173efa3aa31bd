// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/result/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace moescope {

std::size_t characterLength(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

namespace {

bool continues(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

// Length of the well-formed character at `at`, or 0. Overlong forms, surrogates and what lies beyond U+10FFFF are none.
std::size_t wholeCharacter(std::string_view bytes, std::size_t at) {
  const auto first = static_cast<unsigned char>(bytes[at]);
  const std::size_t length = characterLength(first);
  if (length == 0 || at + length > bytes.size()) return 0;
  if (!std::ranges::all_of(bytes.substr(at + 1, length - 1), continues)) return 0;
  const auto second = length > 1 ? static_cast<unsigned char>(bytes[at + 1]) : 0u;
  if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
      (first == 0xF4 && second > 0x8F))
    return 0;
  return length;
}

}  // namespace

std::size_t openBytes(std::string_view bytes) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, bytes.size()); ++back) {
    const char byte = bytes[bytes.size() - back];
    if (continues(byte)) continue;
    return characterLength(static_cast<unsigned char>(byte)) > back ? back : 0;
  }
  return 0;
}

std::string visible(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = wholeCharacter(bytes, at);
    const auto byte = static_cast<unsigned char>(bytes[at]);
    if (byte == '\n')
      text += "\\n";
    else if (byte == '\t')
      text += "\\t";
    else if (byte == '\r')
      text += "\\r";
    else if (length == 0 || byte < 32 || byte == 127)
      text += fmt::format("\\x{:02X}", byte);
    else
      text += bytes.substr(at, length);
    at += std::max<std::size_t>(length, 1);
  }
  return text;
}

}  // namespace moescope
