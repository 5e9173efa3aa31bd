// SPDX-License-Identifier: GPL-3.0-or-later
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/digest.h"
#include "core/text/corpus.h"
#include "core/text/markov_source.h"
#include "core/text/operations.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

TEST(MarkovSourceTest, TheStationaryDistributionIsAFixedPoint) {
  const MarkovSource source(5, 2, 3);
  std::vector<double> next(25, 0.0);
  for (std::size_t context = 0; context < 25; ++context) {
    double sum = 0;
    for (std::size_t token = 0; token < 5; ++token) {
      sum += source.row(context)[token];
      next[context % 5 * 5 + token] += source.stationary()[context] * source.row(context)[token];
    }
    EXPECT_NEAR(sum, 1, 1e-12);
  }
  for (std::size_t context = 0; context < 25; ++context)
    EXPECT_NEAR(next[context], source.stationary()[context], 1e-12);
}

TEST(MarkovSourceTest, TwoTokensOfOrderOneHaveTheClosedForm) {
  const MarkovSource source(2, 1, 11);
  const double leaves = source.row(0)[1], returns = source.row(1)[0];
  const double first = returns / (leaves + returns);
  EXPECT_NEAR(source.stationary()[0], first, 1e-12);
  const auto binary = [](double p) { return -p * std::log(p) - (1 - p) * std::log(1 - p); };
  EXPECT_NEAR(source.entropyRate(), first * binary(leaves) + (1 - first) * binary(returns), 1e-12);
}

TEST(MarkovSourceTest, WhatIsDrawnHasTheEntropyThatIsKnown) {
  for (const int order : {0, 1, 2}) {
    const MarkovSource source(6, order, 5);
    Random random(9);
    const std::vector<std::int32_t> tokens = source.draw(400000, random);
    // The mean of -ln p(next | context) over a stationary draw is the entropy rate up to its standard error.
    const auto contexts = static_cast<std::size_t>(std::pow(6, order));
    std::size_t context = 0;
    double sum = 0, squares = 0;
    for (std::size_t at = 0; at < tokens.size(); ++at) {
      const auto token = static_cast<std::size_t>(tokens[at]);
      if (at >= static_cast<std::size_t>(order)) {
        const double surprise = -std::log(source.row(context)[token]);
        sum += surprise, squares += surprise * surprise;
      }
      context = (context * 6 + token) % contexts;
    }
    const double count = static_cast<double>(tokens.size() - static_cast<std::size_t>(order));
    const double error = std::sqrt((squares / count - sum * sum / count / count) / count);
    EXPECT_NEAR(sum / count, source.entropyRate(), 8 * error) << "order " << order;
  }
}

class SyntheticTest : public testing::Test {
 protected:
  fs::path folder = fs::path(testing::TempDir()) /
                    ("synthetic_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
  void SetUp() override { fs::remove_all(folder); }
  void TearDown() override { fs::remove_all(folder); }
  Expected<Corpus> make(const std::string& name, const Json& set) {
    auto parameters = checkParameters(corpusSynthetic.describe().parameters, set);
    if (!parameters) return parameters.error();
    QuietJob job(folder / name);
    TRY(outputs, corpusSynthetic.run({}, *parameters, job));
    return Corpus::open(folder / name / "corpus");
  }
};

TEST_F(SyntheticTest, TokensAreSharedEquallyAndExactly) {
  auto corpus = make("one", {{"domains", 3}, {"tokens", 10001}, {"alphabet", 8}, {"document", 100}});
  ASSERT_TRUE(corpus) << corpus.error().message;
  std::vector<std::uint64_t> tokens(3, 0);
  for (const Document& document : corpus->documents()) tokens[document.domain] += document.size;
  EXPECT_EQ(tokens, (std::vector<std::uint64_t>{3334, 3334, 3333}));
  EXPECT_LE(corpus->vocabularySize(), 8);
  EXPECT_EQ(corpus->domains(), (std::vector<std::string>{"source-0", "source-1", "source-2"}));
}

TEST_F(SyntheticTest, TheFactsAreBoundsOfEachOther) {
  auto corpus = make("one", {{"domains", 4}, {"tokens", 4000}, {"order", 2}, {"alphabet", 6}, {"document", 100}});
  const Json& facts = corpus->facts();
  EXPECT_NEAR(facts.at("domain_entropy").get<double>(), std::log(4), 1e-12);
  EXPECT_GT(facts.at("domain_token_information").get<double>(), 0.01);
  EXPECT_LT(facts.at("domain_token_information").get<double>(), std::log(4));
  double mean = 0;
  for (const Json& rate : facts.at("entropy_rate")) mean += rate.get<double>() / 4;
  EXPECT_NEAR(facts.at("entropy_rate_mean").get<double>(), mean, 1e-12);
  EXPECT_NEAR(facts.at("bayes_bound").get<double>(), mean + std::log(4) / 100, 1e-12);
  EXPECT_NEAR(make("single", {{"domains", 1}, {"tokens", 10}})->facts().at("domain_token_information").get<double>(), 0,
              1e-12);
}

TEST_F(SyntheticTest, EqualSeedsGiveEqualBytes) {
  ASSERT_TRUE(make("one", {{"tokens", 5000}, {"seed", 3}}));
  ASSERT_TRUE(make("two", {{"tokens", 5000}, {"seed", 3}}));
  ASSERT_TRUE(make("three", {{"tokens", 5000}, {"seed", 4}}));
  EXPECT_EQ(*contentDigest(folder / "one/corpus"), *contentDigest(folder / "two/corpus"));
  EXPECT_NE(*contentDigest(folder / "one/corpus"), *contentDigest(folder / "three/corpus"));
}

TEST_F(SyntheticTest, TooManyContextsAndTooFewTokensAreUsageErrors) {
  EXPECT_EQ(make("one", {{"alphabet", 256}, {"order", 4}}).error().kind, ErrorKind::usage);
  EXPECT_EQ(make("two", {{"domains", 10}, {"tokens", 9}}).error().kind, ErrorKind::usage);
  EXPECT_EQ(make("three", {{"domains", 0}}).error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace moescope
