// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/corpus.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/base/json.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

class CorpusTest : public testing::Test {
 protected:
  fs::path folder = fs::path(testing::TempDir()) /
                    ("corpus_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
  void SetUp() override { fs::remove_all(folder); }
  void TearDown() override { fs::remove_all(folder); }

  fs::path write(const std::string& name, const std::vector<std::string>& order, std::uint64_t seed,
                 double share = 0.2) {
    auto writer = CorpusWriter::create(folder / name, {"a", "b"}, true);
    for (const std::string& document : order)
      EXPECT_TRUE(writer->add(document, document[0] == 'a' ? 0 : 1, "text of " + document + "\n"));
    EXPECT_TRUE(writer->finish(share, seed, Json::object()));
    return folder / name;
  }
  static std::vector<std::string> twenty(const std::string& domain) {
    std::vector<std::string> names;
    for (int number = 0; number < 20; ++number) names.push_back(domain + "/" + std::to_string(number));
    return names;
  }
  static std::set<std::string> validation(const fs::path& path) {
    auto corpus = Corpus::open(path);
    std::set<std::string> names;
    for (const Document& document : corpus->documents())
      if (document.split == Split::validation) names.insert(document.name);
    return names;
  }
};

TEST_F(CorpusTest, WhatWasWrittenIsReadBack) {
  auto writer = CorpusWriter::create(folder, {"prose", "code"}, true);
  ASSERT_TRUE(writer->add("prose/one", 0, "naïve\n"));
  ASSERT_TRUE(writer->begin("code/two", 1));
  ASSERT_TRUE(writer->append("int "));
  ASSERT_TRUE(writer->append("main;"));
  EXPECT_EQ(writer->size(), 9u);
  ASSERT_TRUE(writer->finish(0, 0, Json{{"source", "test"}}));
  auto corpus = Corpus::open(folder);
  ASSERT_TRUE(corpus) << corpus.error().message;
  EXPECT_EQ(corpus->domains(), (std::vector<std::string>{"prose", "code"}));
  ASSERT_EQ(corpus->documents().size(), 2u);
  EXPECT_EQ(*corpus->text(0), "naïve\n");
  EXPECT_EQ(*corpus->text(1), "int main;");
  EXPECT_EQ(corpus->documents()[1].domain, 1);
  EXPECT_EQ(corpus->facts().at("source"), "test");
  EXPECT_EQ(corpus->ids(0).error().kind, ErrorKind::usage);
}

TEST_F(CorpusTest, GivenIdsAreReadBackAndTheVocabularyIsTheLargestPlusOne) {
  auto writer = CorpusWriter::create(folder, {}, false);
  const std::uint16_t domain = *writer->domain("x");
  const std::vector<std::int32_t> ids{5, 0, 70000};
  ASSERT_TRUE(writer->add("x/1", domain, ids));
  ASSERT_TRUE(writer->finish(0, 0, Json::object()));
  auto corpus = Corpus::open(folder);
  EXPECT_FALSE(corpus->hasText());
  EXPECT_EQ(corpus->vocabularySize(), 70001);
  EXPECT_EQ(*corpus->ids(0), ids);
  EXPECT_EQ(*corpus->ids(0, 1, 1), std::vector<std::int32_t>{0});
}

TEST_F(CorpusTest, NegativeIdsAreRefused) {
  auto writer = CorpusWriter::create(folder, {"x"}, false);
  const std::vector<std::int32_t> ids{5, -1};
  auto added = writer->add("x/1", 0, ids);
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().kind, ErrorKind::input);
}

TEST_F(CorpusTest, EmptyDocumentsAreDroppedAndNamesStayUnique) {
  auto writer = CorpusWriter::create(folder, {"a"}, true);
  ASSERT_TRUE(writer->add("same", 0, "1"));
  ASSERT_TRUE(writer->add("empty", 0, ""));
  ASSERT_TRUE(writer->add("same", 0, "2"));
  ASSERT_TRUE(writer->add("empty", 0, ""));
  ASSERT_TRUE(writer->finish(0, 0, Json::object()));
  auto corpus = Corpus::open(folder);
  ASSERT_EQ(corpus->documents().size(), 2u);
  EXPECT_EQ(corpus->documents()[0].name, "same");
  EXPECT_EQ(corpus->documents()[1].name, "same~2");
}

TEST_F(CorpusTest, TheSplitIsByDocumentAndTheShareOfEachDomain) {
  std::vector<std::string> names = twenty("a");
  for (const std::string& name : twenty("b")) names.push_back(name);
  const std::set<std::string> chosen = validation(write("one", names, 7));
  EXPECT_EQ(chosen.size(), 8u);
  EXPECT_EQ(std::count_if(chosen.begin(), chosen.end(), [](const std::string& name) { return name[0] == 'a'; }), 4);
}

TEST_F(CorpusTest, TheSplitDependsOnNamesAndSeedNotOnOrder) {
  std::vector<std::string> names = twenty("a");
  const std::set<std::string> chosen = validation(write("one", names, 7));
  std::reverse(names.begin(), names.end());
  EXPECT_EQ(validation(write("two", names, 7)), chosen);
  EXPECT_NE(validation(write("three", names, 8)), chosen);
}

TEST_F(CorpusTest, ASmallDomainKeepsADocumentOnEitherSideAndZeroMeansNone) {
  EXPECT_EQ(validation(write("two", {"a/0", "a/1"}, 0, 0.1)).size(), 1u);
  EXPECT_EQ(validation(write("most", {"a/0", "a/1"}, 0, 0.9)).size(), 1u);
  EXPECT_EQ(validation(write("single", {"a/0"}, 0, 0.5)).size(), 0u);
  EXPECT_EQ(validation(write("none", twenty("a"), 0, 0)).size(), 0u);
  EXPECT_EQ(validation(write("all", twenty("a"), 0, 1)).size(), 20u);
}

TEST_F(CorpusTest, EqualDocumentsGiveEqualBytes) {
  EXPECT_EQ(*contentDigest(write("one", twenty("a"), 1)), *contentDigest(write("two", twenty("a"), 1)));
  EXPECT_NE(*contentDigest(folder / "one"), *contentDigest(write("three", twenty("a"), 2)));
}

TEST_F(CorpusTest, AFullDiskIsAnEnvironmentErrorThatNamesTheFile) {
  auto writer = CorpusWriter::create(folder, {"a"}, true);
  struct rlimit before {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const struct rlimit small { 65536, before.rlim_max };
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);  // the write then fails, as it does on a full disk
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  auto done = writer->add("a/large", 0, std::string(1u << 20, 'x'));
  if (done) done = writer->finish(0, 0, Json::object());
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().kind, ErrorKind::environment);
  EXPECT_EQ(done.error().file, (folder / "text.bin").string());
}

TEST_F(CorpusTest, DamageIsAnInputErrorThatNamesTheFile) {
  const fs::path path = write("one", twenty("a"), 1);
  const std::string whole = *readFile(path / "corpus.json");
  auto refused = [&](const std::string& index) {
    ASSERT_TRUE(writeFileSafely(path / "corpus.json", index));
    auto corpus = Corpus::open(path);
    ASSERT_FALSE(corpus) << index;
    EXPECT_EQ(corpus.error().kind, ErrorKind::input);
    EXPECT_NE(corpus.error().message.find("corpus.json"), std::string::npos) << corpus.error().message;
  };
  refused("");
  refused("[]");
  refused(whole.substr(0, whole.size() / 2));
  for (const auto& [key, value] : std::vector<std::pair<std::string, Json>>{
           {"offset", UINT64_MAX}, {"size", 1 << 30}, {"domain", 2}, {"split", "test"}, {"offset", -1}, {"name", 3}}) {
    Json json = Json::parse(whole);
    json["documents"][1][key] = value;
    refused(json.dump());
  }
  Json newer = Json::parse(whole);
  newer["moescope_corpus"] = 2;
  refused(newer.dump());
  ASSERT_TRUE(writeFileSafely(path / "corpus.json", whole));
  fs::resize_file(path / "text.bin", 10);
  EXPECT_FALSE(Corpus::open(path));
  fs::remove(path / "text.bin");
  EXPECT_EQ(Corpus::open(path).error().kind, ErrorKind::input);
}

}  // namespace
}  // namespace moescope
