// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/text/windows.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/base/file.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

// Three domains whose documents have these many tokens (bytes).
class WindowsTest : public testing::Test {
 protected:
  fs::path folder = fs::path(testing::TempDir()) /
                    ("windows_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
  const std::vector<std::vector<std::size_t>> sizes{{100, 7, 33}, {64, 65}, {1, 200, 3, 50}};
  std::optional<Corpus> corpus;
  std::optional<TokenisedCorpus> ids;

  void SetUp() override {
    fs::remove_all(folder);
    auto writer = CorpusWriter::create(folder / "corpus", {"a", "b", "c"}, true);
    for (std::size_t domain = 0; domain < sizes.size(); ++domain)
      for (std::size_t number = 0; number < sizes[domain].size(); ++number)
        ASSERT_TRUE(writer->add("abc"[domain] + std::to_string(number), static_cast<std::uint16_t>(domain),
                                std::string(sizes[domain][number], "abc"[domain])));
    ASSERT_TRUE(writer->finish(0.34, 1, Json::object()));
    corpus = std::move(*Corpus::open(folder / "corpus"));
    ids = std::move(*TokenisedCorpus::open(*corpus, byteTokenizer().get(), {}));
  }
  void TearDown() override { fs::remove_all(folder); }

  std::vector<Window> choose(std::uint64_t tokens, std::uint32_t length, Split split = Split::all,
                             std::vector<std::string> domains = {}) {
    auto windows = chooseWindows(*corpus, *ids, {tokens, length, split, std::move(domains)});
    EXPECT_TRUE(windows);
    return *windows;
  }
  static std::uint64_t total(const std::vector<Window>& windows) {
    return std::accumulate(windows.begin(), windows.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const Window& w) { return sum + w.count; });
  }
  std::vector<std::string> order(const std::vector<Window>& windows) {
    std::vector<std::string> names;
    for (const Window& window : windows)
      if (window.position == 0) names.push_back(corpus->documents()[window.document].name);
    return names;
  }
};

TEST_F(WindowsTest, ZeroTokensMeansAllAndAnyOtherNumberExactlyThatMany) {
  EXPECT_EQ(total(choose(0, 32)), 523u);
  for (std::uint64_t tokens : {1, 2, 99, 100, 101, 164, 165, 166, 400, 522, 523})
    for (std::uint32_t length : {1u, 7u, 32u, 1000u}) EXPECT_EQ(total(choose(tokens, length)), tokens) << length;
  EXPECT_EQ(total(choose(100000, 32)), 523u);
}

TEST_F(WindowsTest, DocumentsAreTakenInTurnFromEveryDomain) {
  EXPECT_EQ(order(choose(0, 32)), (std::vector<std::string>{"a0", "b0", "c0", "a1", "b1", "c1", "a2", "c2", "c3"}));
  EXPECT_EQ(order(choose(0, 32, Split::all, {"c", "a"})),
            (std::vector<std::string>{"a0", "c0", "a1", "c1", "a2", "c2", "c3"}));
}

TEST_F(WindowsTest, OnlyTheLastDocumentIsCut) {
  const auto windows = choose(180, 32);
  std::map<std::uint32_t, std::uint64_t> taken;
  for (const Window& window : windows) taken[window.document] += window.count;
  EXPECT_EQ(order(windows), (std::vector<std::string>{"a0", "b0", "c0", "a1", "b1"}));
  for (const auto& [document, tokens] : taken)
    EXPECT_EQ(tokens, corpus->documents()[document].name == "b1" ? 8u : ids->tokens(std::size_t{document}));
}

TEST_F(WindowsTest, WindowsStartAtMultiplesOfTheLengthAndNeverCrossDocuments) {
  for (std::uint32_t length : {1u, 5u, 32u, 64u}) {
    std::map<std::uint32_t, std::uint64_t> next;
    for (const Window& window : choose(0, length)) {
      EXPECT_EQ(window.position % length, 0u);
      EXPECT_EQ(window.position, next[window.document]);
      next[window.document] += window.count;
      const std::uint64_t size = ids->tokens(std::size_t{window.document});
      ASSERT_LE(next[window.document], size);
      EXPECT_TRUE(window.count == length || next[window.document] == size);
      const auto tokens = ids->read(window.document, window.position, window.count);
      for (const std::int32_t id : *tokens) EXPECT_EQ(id, 'a' + corpus->documents()[window.document].domain);
    }
  }
}

TEST_F(WindowsTest, TheSplitsArePartsOfTheWhole) {
  const std::uint64_t validation = total(choose(0, 16, Split::validation));
  EXPECT_GT(validation, 0u);
  EXPECT_EQ(validation + total(choose(0, 16, Split::train)), 523u);
  EXPECT_EQ(validation, ids->tokens(Split::validation));
}

TEST_F(WindowsTest, UnknownDomainsAndLengthZeroAreUsageErrors) {
  auto unknown = chooseWindows(*corpus, *ids, {0, 32, Split::all, {"aa"}});
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().kind, ErrorKind::usage);
  EXPECT_EQ(chooseWindows(*corpus, *ids, {0, 0, Split::all, {}}).error().kind, ErrorKind::usage);
}

TEST_F(WindowsTest, TheCacheGivesTheSameTokensAndADamagedOneIsMadeAgain) {
  const auto tokenizer = byteTokenizer();
  auto first = TokenisedCorpus::open(*corpus, tokenizer.get(), folder / "cache");
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_EQ(std::distance(fs::directory_iterator(folder / "cache"), fs::directory_iterator()), 1);
  const fs::path file = fs::directory_iterator(folder / "cache")->path();
  const std::string whole = *readFile(file);
  for (const std::string& damage :
       {std::string(), std::string("MOESTOK1"), whole.substr(0, whole.size() - 1), std::string(whole.size(), '\xff')}) {
    ASSERT_TRUE(writeFileSafely(file, damage));
    auto cached = TokenisedCorpus::open(*corpus, tokenizer.get(), folder / "cache");
    ASSERT_TRUE(cached) << cached.error().message;
    for (std::size_t document = 0; document < corpus->documents().size(); ++document)
      EXPECT_EQ(*cached->read(document, 0, cached->tokens(document)), *ids->read(document, 0, ids->tokens(document)));
    EXPECT_EQ(*readFile(file), whole);
  }
  EXPECT_EQ(first->read(0, 90, 11).error().kind, ErrorKind::bug);
}

TEST_F(WindowsTest, TokensOfAStudysCorpusAreKeptInItsCache) {
  EXPECT_EQ(tokenCacheFor("/work/S/corpora/0123"), "/work/S/cache");
  EXPECT_EQ(tokenCacheFor("/work/S/scratch/0123/corpus"), "");
}

TEST_F(WindowsTest, IdsOutsideTheTokenizersVocabularyAreRefused) {
  auto writer = CorpusWriter::create(folder / "ids", {"x"}, false);
  const std::vector<std::int32_t> large{1, 256};
  ASSERT_TRUE(writer->add("x/1", 0, large));
  ASSERT_TRUE(writer->finish(0, 0, Json::object()));
  auto given = Corpus::open(folder / "ids");
  EXPECT_EQ(TokenisedCorpus::open(*given, byteTokenizer().get(), {}).error().kind, ErrorKind::usage);
  auto own = TokenisedCorpus::open(*given, nullptr, {});
  ASSERT_TRUE(own);
  EXPECT_EQ(own->vocabularySize(), 257);
  EXPECT_EQ(*own->read(0, 0, 2), large);
  EXPECT_EQ(TokenisedCorpus::open(*corpus, nullptr, {}).error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace moescope
