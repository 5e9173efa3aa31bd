// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/json_cursor.h"

#include <gtest/gtest.h>

namespace moescope {
namespace {

// Whether one value of any kind is sound JSON.
bool isSound(std::string text) {
  JsonCursor cursor(text, "x");
  return cursor.skip() && cursor.end();
}

TEST(JsonCursor, TakesWhatIsJsonAndNothingElse) {
  for (const char* text : {"null", " true ", "[]", "{}", "[1,2]", R"({"a":[{"b":-0.5e+10},"c"]})", "0", "-0", "1e308",
                           "\"\\u00e9\"", "\"\xc3\xa9\"", "[[[[]]]]"})
    EXPECT_TRUE(isSound(text)) << text;
  for (const char* text : {"",
                           "nul",
                           "truE",
                           "[",
                           "]",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{a:1}",
                           "{\"a\":1,}",
                           "01",
                           "+1",
                           ".5",
                           "1.",
                           "1e",
                           "1e400",
                           "-",
                           "\"",
                           "\"\n\"",
                           "\"\\x\"",
                           "\"\\u12\"",
                           "\"\\ud800\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\u0041\"",
                           "\"\xff\"",
                           "[] []",
                           "NaN",
                           "Infinity",
                           "'a'",
                           "/**/1",
                           "{\"a\":1 \"b\":2}"})
    EXPECT_FALSE(isSound(text)) << text;
}

TEST(JsonCursor, CountsBracketsBeforeItFollowsThem) {
  EXPECT_TRUE(isSound(std::string(127, '[') + std::string(127, ']')));
  EXPECT_FALSE(isSound(std::string(128, '[') + std::string(128, ']')));
  EXPECT_FALSE(isSound(std::string(1'000'000, '[')));
}

TEST(JsonCursor, GivesStringsDecodedInPlace) {
  std::string text = R"({"pl\u0061in":"a\n\"\\\/\ud83d\ude00"})";
  JsonCursor cursor(text, "x");
  std::string_view key, value;
  ASSERT_TRUE(cursor.beginObject() && cursor.nextKey(key) && cursor.string(value));
  EXPECT_EQ(key, "plain");
  EXPECT_EQ(value, "a\n\"\\/\xf0\x9f\x98\x80");
  EXPECT_FALSE(cursor.nextKey(key));
  EXPECT_TRUE(cursor.end());
}

TEST(JsonCursor, SizesAreWholeAndFit) {
  const auto size = [](std::string text) -> std::optional<std::uint64_t> {
    JsonCursor cursor(text, "x");
    std::uint64_t value = 0;
    return cursor.size(value) && cursor.end() ? std::optional(value) : std::nullopt;
  };
  EXPECT_EQ(size("0"), 0u);
  EXPECT_EQ(size("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"18446744073709551616", "-1", "-0", "1.0", "1e2", "01", "", "\"1\"", "null"})
    EXPECT_FALSE(size(text)) << text;
}

TEST(JsonCursor, NamesFileAndOffsetOfTheFirstFailure) {
  std::string text = R"({"a":1,"b":x})";
  JsonCursor cursor(text, "header.json", 8);
  EXPECT_FALSE(cursor.skip());
  EXPECT_EQ(cursor.error().file, "header.json");
  EXPECT_EQ(cursor.error().offset, 8u + 11);
  EXPECT_FALSE(cursor.null());
  EXPECT_EQ(cursor.error().offset, 8u + 11);
}

}  // namespace
}  // namespace moescope
