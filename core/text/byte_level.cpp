// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/byte_level.h"

namespace moescope {

namespace {
std::array<std::string, 256> makeAlphabet() {
  std::array<std::string, 256> characters;
  unsigned next = 256;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    const unsigned code = visible ? byte : next++;
    if (code < 0x80)
      characters[byte] = static_cast<char>(code);
    else
      characters[byte] = {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
  }
  return characters;
}

// Code point (below U+0144) -> byte, or -1.
std::array<int, 0x144> makeInverse() {
  std::array<int, 0x144> bytes;
  bytes.fill(-1);
  for (int byte = 0; byte < 256; ++byte) {
    const std::string& character = byteLevelAlphabet()[static_cast<std::size_t>(byte)];
    const auto first = static_cast<unsigned char>(character[0]);
    const unsigned code = character.size() == 1 ? first : ((first & 0x1fu) << 6 | (static_cast<unsigned char>(character[1]) & 0x3fu));
    bytes[code] = byte;
  }
  return bytes;
}
}  // namespace

const std::array<std::string, 256>& byteLevelAlphabet() {
  static const std::array<std::string, 256> alphabet = makeAlphabet();
  return alphabet;
}

std::optional<std::string> bytesOfByteLevel(std::string_view piece) {
  static const std::array<int, 0x144> inverse = makeInverse();
  std::string bytes;
  for (std::size_t at = 0; at < piece.size(); ++at) {
    unsigned code = static_cast<unsigned char>(piece[at]);
    if (code >= 0x80) {
      if (code < 0xc0 || code >= 0xe0 || at + 1 >= piece.size()) return std::nullopt;
      code = (code & 0x1fu) << 6 | (static_cast<unsigned char>(piece[++at]) & 0x3fu);
    }
    if (code >= inverse.size() || inverse[code] < 0) return std::nullopt;
    bytes += static_cast<char>(inverse[code]);
  }
  return bytes;
}

}  // namespace moescope
