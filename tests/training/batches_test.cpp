// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/batches.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

namespace moescope {
namespace {

namespace fs = std::filesystem;

// Documents of a domain hold that domain's letter, so that a window's text says where it came from.
class BatchesTest : public testing::Test {
 protected:
  fs::path folder = fs::path(testing::TempDir()) /
                    ("batches_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
  std::optional<Corpus> corpus;
  std::optional<TokenisedCorpus> ids;

  void make(const std::vector<std::vector<std::size_t>>& sizes, double validation = 0) {
    fs::remove_all(folder);
    std::vector<std::string> domains;
    for (std::size_t d = 0; d < sizes.size(); ++d) domains.push_back(std::string(1, char('a' + d)));
    auto writer = CorpusWriter::create(folder, domains, true);
    for (std::size_t d = 0; d < sizes.size(); ++d)
      for (std::size_t n = 0; n < sizes[d].size(); ++n) {
        std::string text;
        for (std::size_t i = 0; i < sizes[d][n]; ++i) text += char('a' + (d + i) % 26);
        ASSERT_TRUE(writer->add(domains[d] + std::to_string(n), std::uint16_t(d), text));
      }
    ASSERT_TRUE(writer->finish(validation, 1, Json::object()));
    corpus = std::move(*Corpus::open(folder));
    ids = std::move(*TokenisedCorpus::open(*corpus, byteTokenizer().get(), {}));
  }
  void TearDown() override { fs::remove_all(folder); }
};

TEST_F(BatchesTest, AStepIsAFunctionOfSeedAndStepAlone) {
  make({{500, 300}, {400}});
  const auto source = BatchSource::open(*corpus, *ids, {.seed = 7, .rows = 8, .length = 16});
  const auto again = BatchSource::open(*corpus, *ids, {.seed = 7, .rows = 8, .length = 16});
  const auto other = BatchSource::open(*corpus, *ids, {.seed = 8, .rows = 8, .length = 16});
  ASSERT_TRUE(source && again && other);
  const auto batch = source->at(41);
  source->at(3).value();
  EXPECT_EQ(batch->id, again->at(41)->id);
  EXPECT_EQ(batch->id, source->at(41)->id);
  EXPECT_NE(batch->id, other->at(41)->id);
  EXPECT_NE(batch->id, source->at(42)->id);
}

TEST_F(BatchesTest, WindowsAreFullStayWithinTheirDocumentAndPredictTheNextToken) {
  make({{500, 17}, {400}});
  const auto source = BatchSource::open(*corpus, *ids, {.seed = 1, .rows = 64, .length = 16});
  const auto batch = source->at(0);
  EXPECT_EQ(batch->tokens(), 64 * 16);
  EXPECT_EQ(batch->targets(), 64 * 16);  // a start leaves room for the last token's next one
  for (std::size_t row = 0; row < 64; ++row) {
    const Window& window = batch->windows[row];
    EXPECT_LE(window.position + window.count, ids->tokens(std::size_t{window.document}));
    EXPECT_EQ(batch->domain[row], corpus->documents()[window.document].domain);
    for (std::size_t i = 0; i < 16; ++i) {
      const std::size_t place = row * 16 + i;
      EXPECT_EQ(batch->id[place], 'a' + (batch->domain[row] + window.position + std::int64_t(i)) % 26);
      EXPECT_EQ(batch->next[place], 'a' + (batch->domain[row] + window.position + std::int64_t(i) + 1) % 26);
    }
  }
}

TEST_F(BatchesTest, ShortDocumentsArePaddedAndTheirEndHasNothingToPredict) {
  make({{5}});
  const auto batch = BatchSource::open(*corpus, *ids, {.rows = 2, .length = 8})->at(0);
  EXPECT_EQ(batch->tokens(), 10);
  EXPECT_EQ(batch->targets(), 8);
  EXPECT_EQ(std::vector<std::int64_t>(batch->next.begin(), batch->next.begin() + 8),
            (std::vector<std::int64_t>{'b', 'c', 'd', 'e', -1, -1, -1, -1}));
  EXPECT_EQ(std::vector<std::uint8_t>(batch->real.begin(), batch->real.begin() + 8),
            (std::vector<std::uint8_t>{1, 1, 1, 1, 1, 0, 0, 0}));
}

TEST_F(BatchesTest, DomainsAreDrawnInProportionUnlessTheTemperatureEvensThem) {
  make({{9000}, {1000}});
  const auto share = [&](double temperature) {
    const auto windows =
        BatchSource::open(*corpus, *ids, {.seed = 3, .rows = 4000, .length = 8, .domainTemperature = temperature})
            ->windowsAt(0);
    double second = 0;
    for (const Window& window : windows) second += corpus->documents()[window.document].domain == 1;
    return second / double(windows.size());
  };
  EXPECT_NEAR(share(1), 0.1, 0.02);    // five standard deviations of 4000 draws are 0.024
  EXPECT_NEAR(share(2), 0.25, 0.035);  // 1000^(1/2) / (1000^(1/2) + 9000^(1/2)) = 1/4
  EXPECT_NEAR(share(1000), 0.5, 0.04);
}

TEST_F(BatchesTest, OnlyTheSplitThatIsAskedForIsRead) {
  make({std::vector<std::size_t>(20, 100)}, 0.3);
  for (const Split split : {Split::train, Split::validation}) {
    const auto source = BatchSource::open(*corpus, *ids, {.split = split, .rows = 50, .length = 10});
    for (const Window& window : source->windowsAt(0)) EXPECT_EQ(corpus->documents()[window.document].split, split);
  }
}

TEST_F(BatchesTest, ACorpusWithNothingToLearnIsRefused) {
  make({{1, 1}});
  const auto source = BatchSource::open(*corpus, *ids, {.rows = 1, .length = 8});
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().kind, ErrorKind::input);
}

}  // namespace
}  // namespace moescope
