// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/character_class.h"

#include <gtest/gtest.h>

namespace moescope {
namespace {

TEST(CharacterClass, IsOfTheTextBetweenWhiteSpace) {
  using enum CharacterClass;
  for (const auto& [text, wanted] : {std::pair<std::string_view, CharacterClass>{" house", wordStart},
                                     {"\nhouse ", wordStart},
                                     {"ing", wordPiece},
                                     {"Paris", capitalised},
                                     {" The", capitalised},
                                     {"42", number},
                                     {" ١٢", number},
                                     {", ", punctuation},
                                     {"==", punctuation},
                                     {"€", punctuation},
                                     {" \n\t", whiteSpace},
                                     {"", whiteSpace},
                                     {"über", otherLetters},
                                     {" мир", otherLetters},
                                     {"x1", mixed},
                                     {"it's", mixed},
                                     {"a b", mixed},
                                     {"\xC3", bytes},
                                     {"a\xFF", bytes}})
    EXPECT_EQ(characterClass(text), wanted) << text;
}

TEST(CharacterClass, HasANameEach) {
  EXPECT_STREQ(characterClassNames[static_cast<std::size_t>(CharacterClass::unknown)], "unknown");
  EXPECT_STREQ(characterClassNames[static_cast<std::size_t>(CharacterClass::whiteSpace)], "white space");
}

}  // namespace
}  // namespace moescope
