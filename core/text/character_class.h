// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace moescope {

// What the text of a token is made of; coarse enough that every class has tokens, fine enough to see what a router
// sees.
enum class CharacterClass : std::uint8_t {
  wordStart,     // white space, then small letters: " house"
  wordPiece,     // small letters without white space before them: "ing"
  capitalised,   // letters of which the first is a capital: "Paris", " The"
  number,        // digits: "42"
  punctuation,   // punctuation and symbols: ", ", "=="
  whiteSpace,    // nothing else
  otherLetters,  // letters of which the first is beyond ASCII
  mixed,         // several of these: "x1", "it's"
  bytes,         // no whole characters
  special,       // beginning, template, image: told by the token's class, not by its text
  unknown        // an id whose text the trace does not hold
};
inline constexpr std::array<const char*, 11> characterClassNames{
    "word start",    "word piece", "capitalised", "number",  "punctuation", "white space",
    "other letters", "mixed",      "bytes",       "special", "unknown"};

// Of a text token; white space around the rest does not count, except that it starts a word.
CharacterClass characterClass(std::string_view text);

}  // namespace moescope
