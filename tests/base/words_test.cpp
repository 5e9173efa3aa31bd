// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/words.h"

#include <gtest/gtest.h>

namespace moescope {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsSubstitutionsAndSwaps) {
  EXPECT_EQ(editDistance("kitten", "sitting"), 3u);
  EXPECT_EQ(editDistance("", "abc"), 3u);
  EXPECT_EQ(editDistance("abc", ""), 3u);
  EXPECT_EQ(editDistance("load.balance", "load.balance"), 0u);
  EXPECT_EQ(editDistance("laod", "load"), 1u);
  EXPECT_EQ(editDistance("ca", "abc"), 3u);  // optimal string alignment: no edit inside a swap
}

TEST(NearestWords, GivesTheNearestFirstAndNothingThatIsFar) {
  const std::vector<std::string> known{"train.lm", "load.balance", "load.time", "load.frequency"};
  EXPECT_EQ(nearestWords("load.balence", known), (std::vector<std::string>{"load.balance"}));
  EXPECT_EQ(nearestWords("load.tiem", known).front(), "load.time");
  EXPECT_TRUE(nearestWords("zzzz", known).empty());
  EXPECT_TRUE(nearestWords("x", {"y"}).empty());
  EXPECT_EQ(nearestWords("load", known).size(), 3u);
}

TEST(AnyOf, JoinsWordsAsASentenceDoes) {
  EXPECT_EQ(anyOf({}), "");
  EXPECT_EQ(anyOf({"a"}), "a");
  EXPECT_EQ(anyOf({"a", "b", "c"}), "a, b or c");
}

}  // namespace
}  // namespace moescope
