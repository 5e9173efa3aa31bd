// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "core/base/utf8.h"

namespace moescope {

// Tokens of a byte-level vocabulary cut characters apart; these put them together again.

// How many bytes the character starting here takes: 1-4, or 0 when no character starts with this byte.
std::size_t characterLength(unsigned char first);

// Bytes at the end of `bytes` that begin a character and do not end it.
std::size_t openBytes(std::string_view bytes);

// For read-outs: line ends, tabs and bytes that are no characters written out: "\n", "\xC3".
std::string visible(std::string_view bytes);

}  // namespace moescope
