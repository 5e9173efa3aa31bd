// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <numeric>

#include "core/analysis/vocabulary_null.h"
#include "tests/analysis/analysed.h"

namespace moescope {
namespace {

const Json& expected() {  // tests/reference/vocabulary_oracle.py
  static const Json json = *readJson(std::string(MOESCOPE_SOURCE_DIR) + "/tests/reference/vocabulary_oracle.json");
  return json;
}

const std::vector<double>& numbers(const Result& result, const std::string& column) {
  for (const Column& each : std::get<Table>(result.find("types")->content).columns)
    if (each.name == column) return std::get<std::vector<double>>(each.cells);
  throw std::logic_error("no column " + column);
}

TEST(SpecialiseVocabulary, AgreesWithTheOtherImplementation) {
  const made::Folder folder("vocabulary-oracle");
  const made::Rule rule = made::ruleOf(expected()["rule"]);
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  for (const char* role : {"input", "next"}) {
    auto result = made::analyse("specialise.vocabulary", folder.path() / "t",
                                {{"role", role}, {"min_count", expected()["min_count"]}, {"top", 100}});
    ASSERT_TRUE(result) << result.error().message;
    const std::size_t column = role == std::string("input") ? 0 : 2;
    for (std::int64_t layer = 0; layer < rule.layers; ++layer) {
      const Json& of = expected()["roles"][role][layer];
      EXPECT_NEAR(made::array(*result, "score").values[layer * 3 + column], of["score"].get<double>(), 1e-12);
      EXPECT_NEAR(made::array(*result, "weighted_score").values[layer * 3 + column], of["weighted"].get<double>(),
                  1e-12);
      EXPECT_EQ(made::array(*result, "specific").values[layer], of["specific"].get<double>());
      for (std::int64_t e = 0; e < rule.experts; ++e) {
        const std::size_t cell = layer * rule.experts + e;
        EXPECT_EQ(made::array(*result, "owned").values[cell], of["owned"][e].get<double>());
        EXPECT_NEAR(made::array(*result, "divergence").values[cell], of["divergence"][e].get<double>(), 1e-12);
        if (const Json& score = of["expert_score"][e]; !score.is_null()) {
          EXPECT_NEAR(made::array(*result, "expert_score").values[cell], score.get<double>(), 1e-12);
        }
        for (std::int64_t bin = 0; bin < 20; ++bin)
          EXPECT_EQ(made::array(*result, "histogram").values[(layer * 20 + bin) * rule.experts + e],
                    of["histogram"][bin][e].get<double>());
      }
    }
    const Json& first = expected()["roles"][role][0]["first"];
    for (std::size_t row = 0; row < first.size(); ++row) {
      EXPECT_EQ(numbers(*result, "id")[row], first[row][0].get<double>());
      EXPECT_EQ(numbers(*result, "tokens")[row], first[row][1].get<double>());
      EXPECT_EQ(numbers(*result, "share")[row], first[row][2].get<double>());
    }
    EXPECT_TRUE(std::isnan(made::array(*result, "score").values[1]));  // what the model predicted is not in the trace
  }
}

TEST(MaxShareNull, AgreesWithWholeMultinomials) {
  MaxShareNull null(expected()["rates"].get<std::vector<double>>());
  for (const Json& of : expected()["max_share"]) EXPECT_NEAR(null.at(of[0]) / of[1].get<double>(), 1, 0.01) << of[0];
}

// Where counts are taken as normal, they go on from where whole tokens were drawn; with many tokens the largest rate is
// all that is left.
TEST(MaxShareNull, GoesOverIntoItsLimits) {
  MaxShareNull even(std::vector<double>(16, 0.25));
  const std::vector<std::int64_t> sizes{250, 320, 400, 500, 650, 850};
  for (std::size_t at = 1; at < sizes.size(); ++at) {  // what exceeds the rate shrinks as one over the root of n
    const double ratio = static_cast<double>(sizes[at - 1]) / static_cast<double>(sizes[at]);
    EXPECT_NEAR(even.at(sizes[at]) / (0.25 + (even.at(sizes[at - 1]) - 0.25) * std::sqrt(ratio)), 1, 0.01);
  }
  EXPECT_NEAR(even.at(100000000), 0.25, 3e-4);
  EXPECT_EQ(MaxShareNull({1.0}).at(7), 1);
  EXPECT_EQ(MaxShareNull(std::vector<double>(4, 1.0)).at(900), 1);  // k = E: every token goes everywhere
}

TEST(JensenShannon, NullAgreesWithWholeMultinomials) {
  const auto clusters = expected()["clusters"].get<std::vector<double>>();
  for (const Json& of : expected()["divergence_null"])
    EXPECT_NEAR(jensenShannonNull(of[0], clusters) / of[1].get<double>(), 1, 0.01) << of[0];
  EXPECT_EQ(jensenShannon(clusters, clusters), 0);
  EXPECT_NEAR(jensenShannon(std::vector<double>{1, 0}, std::vector<double>{0, 5}), 1, 1e-12);
}

// The id alone decides: every type is its expert's, whole.
TEST(SpecialiseVocabulary, IsOneWhereTheIdDecides) {
  const made::Folder folder("vocabulary-own");
  const made::Rule rule{.layers = 1, .experts = 8, .topK = 1, .documents = 40, .tokensPerDocument = 100};
  ASSERT_TRUE(made::writeChosen(folder.path() / "t", rule,
                                [](auto, auto token, auto) { return made::number(1000, token) % 97 % 8; }));
  auto result = made::analyse("specialise.vocabulary", folder.path() / "t");
  ASSERT_TRUE(result) << result.error().message;
  const Array& score = made::array(*result, "score");
  EXPECT_EQ(score.values[0], 1);
  EXPECT_EQ(made::array(*result, "weighted_score").values[0], 1);
  EXPECT_EQ(made::array(*result, "specific").values[0], 97);
  EXPECT_EQ(made::array(*result, "owned").values, (std::vector<double>{13, 12, 12, 12, 12, 12, 12, 12}));
  for (double q : numbers(*result, "q")) EXPECT_LT(q, 1e-3);
  for (double share : numbers(*result, "share")) EXPECT_EQ(share, 1);
  // The next id knows nothing of it: what chance gives, within 4 standard errors of a mean over 97 types.
  EXPECT_NEAR(score.values[2], score.baseline[2], 0.02);
  EXPECT_LT(score.baseline[0], 0.35);
}

TEST(SpecialiseVocabulary, LeavesRareTypesOutUnlessTold) {
  const made::Folder folder("vocabulary-rare");
  const made::Rule rule{.layers = 1, .domains = 1, .documents = 1, .tokensPerDocument = 60};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  auto singles = made::analyse("specialise.vocabulary", folder.path() / "t", {{"min_count", 1}});
  ASSERT_TRUE(singles) << singles.error().message;
  EXPECT_GT(made::array(*singles, "score").values[0], 0.8);    // most types occur once
  EXPECT_GT(made::array(*singles, "score").baseline[0], 0.8);  // and chance gives as much
  auto none = made::analyse("specialise.vocabulary", folder.path() / "t", {{"min_count", 50}});
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_TRUE(std::isnan(made::array(*none, "score").values[0]));
  EXPECT_TRUE(numbers(*none, "share").empty());
}

TEST(SpecialiseVocabulary, TakesWhatTheModelPredictedFromTracesThatHoldIt) {
  const made::Folder folder("vocabulary-predicted");
  const made::Rule rule{.layers = 1, .experts = 4, .topK = 1, .documents = 10, .tokensPerDocument = 40};
  TraceInfo info = made::info(rule);
  info.hasPredicted = true;
  TraceChunk chunk = made::chunk(rule);
  for (std::int64_t token = 0; token < rule.tokens(); ++token)
    chunk.predicted.push_back(static_cast<std::int32_t>(chunk.layers[0].expert[token]) + 90);
  {
    auto writer = TraceWriter::open(folder.path() / "t", info);
    ASSERT_TRUE(writer) << writer.error().message;
    ASSERT_TRUE(writer->append(chunk));
    ASSERT_TRUE(writer->finish(made::vocabulary()));
  }
  auto result = made::analyse("specialise.vocabulary", folder.path() / "t", {{"role", "predicted"}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(made::array(*result, "score").values[1], 1);  // 90 + expert: the expert says what comes
  EXPECT_EQ(numbers(*result, "id"), (std::vector<double>{90, 91, 92, 93}));
  ASSERT_TRUE(made::write(folder.path() / "without", rule));
  auto without = made::analyse("specialise.vocabulary", folder.path() / "without", {{"role", "predicted"}});
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().kind, ErrorKind::usage);
  EXPECT_NE(without.error().message.find("predicted=true"), std::string::npos);
}

TEST(SpecialiseVocabulary, CountsWhatTheFiltersLeave) {
  const made::Folder folder("vocabulary-filter");
  const made::Rule rule{.domains = 3, .documents = 12, .paddedEnds = true};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  auto result = made::analyse("specialise.vocabulary", folder.path() / "t",
                              {{"min_count", 1}, {"domains", {"domain 1"}}, {"classes", {"text"}}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->facts["tokens"], 4 * 48);  // four documents of 50, less a beginning and a padding each
  EXPECT_EQ(result->facts["documents"], 4);
  EXPECT_EQ(result->facts["domains"], 1);
  auto nothing = made::analyse("specialise.vocabulary", folder.path() / "t", {{"classes", {"image"}}});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().kind, ErrorKind::usage);
}

}  // namespace
}  // namespace moescope
