// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/tokenizer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/file.h"
#include "core/base/json_reading.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

class TokenizerTest : public testing::Test {
 protected:
  fs::path folder = fs::path(testing::TempDir()) /
                    ("tokenizer_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
  void SetUp() override { fs::remove_all(folder), fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
};

TEST_F(TokenizerTest, EveryByteIsItsOwnIdAndComesBack) {
  const auto tokenizer = byteTokenizer();
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  const std::vector<std::int32_t> ids = *tokenizer->encode(all, true);
  ASSERT_EQ(ids.size(), 256u);
  std::string back;
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(ids[static_cast<std::size_t>(byte)], byte);
    back += tokenizer->bytes(byte);
  }
  EXPECT_EQ(back, all);
  EXPECT_EQ(tokenizer->bytes(256), "");
  EXPECT_EQ(tokenizer->bytes(-1), "");
  EXPECT_EQ(tokenizer->vocabularySize(), 256);
}

TEST_F(TokenizerTest, TheSavedFileMapsEveryByteLevelCharacterToItsByte) {
  ASSERT_TRUE(byteTokenizer()->save(folder));
  const Json json = *readJson(folder / "tokenizer.json");
  const Json& vocabulary = json.at("model").at("vocab");
  EXPECT_EQ(vocabulary.size(), 256u);
  // Values of Hugging Face's bytes_to_unicode (see tests/reference/byte_tokenizer.py).
  EXPECT_EQ(vocabulary.at("A"), 65);
  EXPECT_EQ(vocabulary.at("Ġ"), 32);
  EXPECT_EQ(vocabulary.at("Ċ"), 10);
  EXPECT_EQ(vocabulary.at("Ā"), 0);
  EXPECT_EQ(vocabulary.at("Ń"), 0xad);
  EXPECT_EQ(vocabulary.at("ÿ"), 255);
  EXPECT_EQ(vocabulary.at("ł"), 160);
}

TEST_F(TokenizerTest, OwnFileIsRecognisedEvenWhenOtherSoftwareWroteItAgain) {
  ASSERT_TRUE(byteTokenizer()->save(folder));
  auto loaded = loadTokenizer(folder);
  ASSERT_TRUE(loaded) << loaded.error().message;
  EXPECT_EQ((*loaded)->digest(), byteTokenizer()->digest());
  Json json = *readJson(folder / "tokenizer.json");
  json["decoder"] = nullptr;
  json["model"].erase("ignore_merges");
  ASSERT_TRUE(writeFileSafely(folder / "tokenizer.json", json.dump()));
  EXPECT_TRUE(loadTokenizer(folder));
}

TEST_F(TokenizerTest, AnotherFileIsNeverTakenForBytes) {
  EXPECT_EQ(loadTokenizer(folder).error().kind, ErrorKind::input);
  ASSERT_TRUE(byteTokenizer()->save(folder));
  const Json own = *readJson(folder / "tokenizer.json");
  std::vector<Json> others(4, own);
  others[0]["model"]["vocab"]["A"] = 66;
  others[1]["normalizer"] = Json{{"type", "Lowercase"}};
  others[2]["added_tokens"] = Json::array({Json{{"id", 256}, {"content", "A "}}});
  others[3]["pre_tokenizer"]["add_prefix_space"] = true;
  for (const Json& other : others) {
    ASSERT_TRUE(writeFileSafely(folder / "tokenizer.json", other.dump()));
    auto loaded = loadTokenizer(folder);
    ASSERT_TRUE(loaded) << loaded.error().message;
    EXPECT_NE((*loaded)->digest(), byteTokenizer()->digest());
    EXPECT_NE(*(*loaded)->encode("A b", false), *byteTokenizer()->encode("A b", false)) << other.dump();
  }
  ASSERT_TRUE(writeFileSafely(folder / "tokenizer.json", "[1, 2]"));
  EXPECT_EQ(loadTokenizer(folder).error().kind, ErrorKind::input);
}

}  // namespace
}  // namespace moescope
