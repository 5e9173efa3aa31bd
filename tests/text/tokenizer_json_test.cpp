// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/tokenizer_json.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/base/json_reading.h"
#include "core/text/pattern.h"
#include "core/base/utf8.h"
#include "tests/text/mixed_text.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

const fs::path reference = fs::path(MOESCOPE_SOURCE_DIR) / "tests/reference/tokenizers";

std::string digestOf(const std::vector<std::int32_t>& ids) {
  return sha256(std::string_view(reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(std::int32_t)));
}

// The texts of tokenizers_oracle.py: three short ones, then mixed text in pieces, each decoded by itself.
std::vector<std::string> texts() {
  std::vector<std::string> list{"", " ", "Hello, world!  It's 2026."};
  const std::string data = mixed::bytes(7, 30000);
  for (std::size_t at = 0; at < data.size(); at += 1500) list.push_back(data.substr(at, 1500));
  return list;
}

class TinyTokenizer : public testing::TestWithParam<const char*> {};

TEST_P(TinyTokenizer, GivesTheIdsOfTokenizers) {
  const Json expected = (*readJson(reference / "ids.json"))[GetParam()];
  auto tokenizer = loadTokenizerJson(reference / GetParam());
  ASSERT_TRUE(tokenizer) << tokenizer.error().message;
  const std::vector<std::string> list = texts();
  ASSERT_EQ(list.size(), expected["digests"].size());
  for (std::size_t index = 0; index < list.size(); ++index) {
    auto ids = (*tokenizer)->encode(list[index], true);
    ASSERT_TRUE(ids) << ids.error().message;
    if (index < expected["ids"].size()) {
      EXPECT_EQ(*ids, expected["ids"][index].get<std::vector<std::int32_t>>()) << list[index];
    }
    EXPECT_EQ(digestOf(*ids), expected["digests"][index].get<std::string>()) << "text " << index;
  }
}

TEST_P(TinyTokenizer, GivesTheIdsOfTokenizersOnAMegabyteOfMixedText) {
  const Json expected = (*readJson(reference / "ids.json"))[GetParam()];
  auto tokenizer = loadTokenizerJson(reference / GetParam());
  ASSERT_TRUE(tokenizer);
  auto ids = (*tokenizer)->encode(mixed::bytes(11, 1200000), false);
  ASSERT_TRUE(ids) << ids.error().message;
  EXPECT_EQ(digestOf(*ids), expected["long"].get<std::string>());
}

INSTANTIATE_TEST_SUITE_P(Kinds, TinyTokenizer,
                         testing::Values("gpt2", "gpt2_prefix", "llama3", "qwen", "o200k", "deepseek", "digits", "behaviours", "words", "words_unfused",
                                         "mixtral", "metaspace", "metaspace_whole", "added"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST(TokenizerJson, SpellsBackTheBytesOfALosslessKind) {
  auto tokenizer = loadTokenizerJson(reference / "llama3");
  ASSERT_TRUE(tokenizer);
  const std::string text = validUtf8(mixed::bytes(3, 20000));
  auto ids = (*tokenizer)->encode(text, false);
  std::string spelled;
  for (std::int32_t id : *ids) spelled += (*tokenizer)->bytes(id);
  EXPECT_EQ(spelled, text);
}

TEST(TokenizerJson, TellsSpecialTokensFromText) {
  auto tokenizer = loadTokenizerJson(reference / "llama3");
  ASSERT_TRUE(tokenizer);
  auto ids = (*tokenizer)->encode("a<|endoftext|>", true);
  ASSERT_EQ(ids->size(), 4u);
  EXPECT_EQ((*tokenizer)->tokenClass(ids->at(0)), 2);  // BOS
  EXPECT_EQ((*tokenizer)->tokenClass(ids->at(1)), 0);
  EXPECT_EQ((*tokenizer)->tokenClass(ids->at(2)), 3);
}

TEST(TokenizerJson, MalformedFilesNameTheFileAndThePart) {
  const fs::path folder = fs::temp_directory_path() / ("moescope_tokenizer_json_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const Json good = *readJson(reference / "llama3/tokenizer.json");
  std::vector<std::pair<Json, std::string>> cases;
  const auto with = [&](const char* pointer, Json value, std::string says) {
    Json changed = good;
    changed[Json::json_pointer(pointer)] = std::move(value);
    cases.emplace_back(std::move(changed), std::move(says));
  };
  with("/model/type", "Unigram", "Unigram");
  with("/normalizer", Json{{"type", "Precompiled"}}, "Precompiled");
  with("/pre_tokenizer", Json{{"type", "BertPreTokenizer"}}, "BertPreTokenizer");
  with("/pre_tokenizer/pretokenizers/0/pattern/Regex", "(", "(");
  with("/post_processor", Json{{"type", "Other"}}, "Other");
  with("/model/merges", Json::array({"a b c"}), "merge 0");
  with("/model/merges", Json::array({Json::array({"nowhere", "in"})}), "nowhere");
  with("/model/vocab/a", -1, "id");
  with("/model/vocab/a", "word", "id");
  with("/model/vocab", 3, "vocabulary");
  with("/model/dropout", 0.1, "dropout");
  with("/added_tokens", Json::array({Json{{"id", -5}, {"content", "x"}}}), "x");
  with("/added_tokens", Json::array({3}), "malformed");
  cases.emplace_back(Json::array(), "object");
  for (const auto& [json, says] : cases) {
    ASSERT_TRUE(writeFileSafely(folder / "tokenizer.json", json.dump()));
    const auto loaded = loadTokenizerJson(folder);
    ASSERT_FALSE(loaded) << says;
    EXPECT_EQ(loaded.error().kind, ErrorKind::input);
    EXPECT_EQ(loaded.error().file, (folder / "tokenizer.json").string());
    EXPECT_NE(loaded.error().message.find(says), std::string::npos) << loaded.error().message;
  }
  fs::remove_all(folder);
}

TEST(TokenizerJson, WhatIsTooLargeIsNotReadAndWhatIsTwiceCountsOnce) {
  const fs::path folder = fs::temp_directory_path() / ("moescope_tokenizer_large_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  const fs::path file = folder / "tokenizer.json";
  ASSERT_TRUE(writeFileSafely(file, "{"));
  fs::resize_file(file, 100u << 20);
  for (const auto load : {&loadTokenizer, &loadTokenizerJson}) {
    const auto loaded = load(folder);
    ASSERT_FALSE(loaded);
    EXPECT_EQ(loaded.error().kind, ErrorKind::input);
    EXPECT_EQ(loaded.error().file, file.string());
  }
  Json json = *readJson(reference / "llama3/tokenizer.json");
  const auto once = loadTokenizerJson(reference / "llama3");
  const Json merges = json["model"]["merges"];
  for (const Json& merge : merges) json["model"]["merges"].push_back(merge);
  ASSERT_TRUE(writeFileSafely(file, json.dump()));
  const auto twice = loadTokenizerJson(folder);
  ASSERT_TRUE(twice) << twice.error().message;
  const std::string text = "Hello world, hello 123";
  EXPECT_EQ((*twice)->encode(text, true).value(), (*once)->encode(text, true).value());
  json["added_tokens"] = Json::array({Json{{"id", 4294967297}, {"content", "x"}}});
  ASSERT_TRUE(writeFileSafely(file, json.dump()));
  EXPECT_FALSE(loadTokenizerJson(folder)) << "an id that no token can have";
  fs::remove_all(folder);
}

TEST(Pattern, ThatCouldRunAwayGivesUp) {
  auto pattern = Pattern::compile("^(a|aa|aaa)+$");
  ASSERT_TRUE(pattern);
  std::vector<Match> matches;
  const auto found = pattern->findAll(std::string(200, 'a') + "!", matches);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().kind, ErrorKind::input);
}

TEST(Utf8, ReplacesIllFormedPartsAsPythonDoes) {
  EXPECT_EQ(validUtf8("a\x80z"), "a\ufffdz");
  EXPECT_EQ(validUtf8("\xe2\x82"), "\ufffd");
  EXPECT_EQ(validUtf8("\xe2\x82x"), "\ufffdx");
  EXPECT_EQ(validUtf8("\xed\xa0\x80"), "\ufffd\ufffd\ufffd");
  EXPECT_EQ(validUtf8("\xc0\xaf"), "\ufffd\ufffd");
  EXPECT_EQ(validUtf8("\xf0\x9f\x98\xf0\x9f\x98\x80"), "\ufffd\U0001F600");
}

}  // namespace
}  // namespace moescope
