// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/encoding.h"

#include <gtest/gtest.h>

namespace moescope {
namespace {

// In pieces of `piece` bytes, as a file arrives.
Encoding detect(std::string_view bytes, std::size_t piece) {
  EncodingDetector detector;
  for (std::size_t at = 0; at < bytes.size(); at += piece) detector.feed(bytes.substr(at, piece));
  return detector.finish();
}

std::string convert(std::string_view bytes, Encoding encoding, std::size_t piece) {
  Utf8Converter converter(encoding);
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += piece) text += converter.convert(bytes.substr(at, piece));
  return text + converter.finish();
}

using namespace std::string_view_literals;

struct Case {
  std::string_view bytes;
  Encoding encoding;
  std::string_view text;
};

// The bytes were written by Python's codecs of these names.
constexpr Case cases[] = {
    {"plain\n", Encoding::utf8, "plain\n"},
    {"na\xc3\xafve \xe2\x82\xac \xf0\x9f\x98\x80", Encoding::utf8, "naïve € 😀"},
    {"\xef\xbb\xbfmark", Encoding::utf8, "mark"},
    {"\xff\xfe\x41\x00\xac\x20\x3d\xd8\x00\xde"sv, Encoding::utf16LittleEndian, "A€😀"},
    {"\xfe\xff\x00\x41\x20\xac\xd8\x3d\xde\x00"sv, Encoding::utf16BigEndian, "A€😀"},
    {"caf\xe9 et th\xe9", Encoding::latin1, "café et thé"},
    {"\x93quoted\x94 \x80 5", Encoding::windows1252, "“quoted” € 5"},
};

TEST(EncodingTest, EachIsDetectedAndConvertedWhateverThePieces) {
  for (const Case& each : cases)
    for (const std::size_t piece : {1u, 2u, 3u, 100u}) {
      EXPECT_EQ(detect(each.bytes, piece), each.encoding) << each.text << " in pieces of " << piece;
      EXPECT_EQ(convert(each.bytes, each.encoding, piece), each.text) << "in pieces of " << piece;
    }
}

TEST(EncodingTest, BinaryIsNulOrManyControlCharacters) {
  EXPECT_EQ(detect("text with a \0 in it"sv, 5), Encoding::binary);
  EXPECT_EQ(detect("\x89PNG\r\n\x1a\n\x01\x02\x03\x04", 5), Encoding::binary);
  EXPECT_EQ(detect("\xff\xfe\x41\x00\x00\x00"sv, 5), Encoding::binary) << "NUL in UTF-16, or UTF-32";
  EXPECT_EQ(detect("\x1b[1mbold\x1b[0m\tN\bNA\bA\f", 5), Encoding::utf8) << "terminal text is text";
}

TEST(EncodingTest, RareDamageInUtf8DoesNotTurnItIntoAnotherEncoding) {
  std::string text;
  for (int at = 0; at < 100; ++at) text += "Größe ";
  const std::string damaged = text + "\xff" + text;
  EXPECT_EQ(detect(damaged, 7), Encoding::utf8);
  EXPECT_EQ(convert(damaged, Encoding::utf8, 7), text + "\uFFFD" + text);
}

TEST(EncodingTest, WhatIsNoUtf8IsReplacedOncePerMaximalPart) {
  EXPECT_EQ(toUtf8("\xc0\xaf"), "\uFFFD\uFFFD") << "overlong";
  EXPECT_EQ(toUtf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "surrogate";
  EXPECT_EQ(toUtf8("\xe2\x82"), "\uFFFD") << "ends within a character";
  EXPECT_EQ(toUtf8("\xe2\x82\x41"), "\uFFFD\x41");
  EXPECT_EQ(toUtf8("\xf4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD") << "above U+10FFFF";
  EXPECT_EQ(convert("\x3d\xd8\x41\x00\x00"sv, Encoding::utf16LittleEndian, 1), "\uFFFD\x41\uFFFD")
      << "half a pair, half a unit";
}

TEST(EncodingTest, CutsNeverPartACharacter) {
  const std::string text = "aé€😀";  // 1, 2, 3 and 4 bytes
  EXPECT_EQ(cutUtf8(text, 100), text.size());
  EXPECT_EQ(cutUtf8(text, 10), 10u);
  EXPECT_EQ(cutUtf8(text, 9), 6u);
  EXPECT_EQ(cutUtf8(text, 5), 3u);
  EXPECT_EQ(cutUtf8(text, 2), 1u);
  EXPECT_EQ(cutUtf8("é", 1), 0u);
}

}  // namespace
}  // namespace moescope
