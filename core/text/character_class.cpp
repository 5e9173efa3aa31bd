// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/character_class.h"

#include "core/base/utf8.h"

namespace moescope {

namespace {

bool isSymbol(std::uint32_t character) {
  return isPunctuation(character) || (character < 0x80 ? character > 0x20 && !isWordCharacter(character)
                                                       : !isWordCharacter(character) && !isWhiteSpace(character));
}

}  // namespace

CharacterClass characterClass(std::string_view text) {
  if (!isValidUtf8(text)) return CharacterClass::bytes;
  bool spaceFirst = false, letters = true, digits = true, symbols = true;
  std::uint32_t first = 0;
  std::size_t end = text.size();
  for (std::size_t at = 0; at < text.size(); at += utf8Length(text[at]))  // where the last other character ends
    if (!isWhiteSpace(utf8At(text, at))) end = at + utf8Length(text[at]);
  for (std::size_t at = 0; at < end; at += utf8Length(text[at])) {
    const std::uint32_t character = utf8At(text, at);
    if (first == 0 && isWhiteSpace(character)) {
      spaceFirst = true;
      continue;
    }
    if (first == 0) first = character;
    const bool number = isNumeric(character), symbol = isSymbol(character);
    letters = letters && !number && !symbol && !isWhiteSpace(character);
    digits = digits && number;
    symbols = symbols && symbol;
  }
  if (first == 0) return CharacterClass::whiteSpace;
  if (digits) return CharacterClass::number;
  if (symbols) return CharacterClass::punctuation;
  if (!letters) return CharacterClass::mixed;
  if (first >= 0x80) return CharacterClass::otherLetters;
  if (first >= 'A' && first <= 'Z') return CharacterClass::capitalised;
  return spaceFirst ? CharacterClass::wordStart : CharacterClass::wordPiece;
}

}  // namespace moescope
