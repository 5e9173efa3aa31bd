// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <cmath>

#include "core/analysis/position_table.h"
#include "core/analysis/sampled_tokens.h"
#include "tests/analysis/analysed.h"

namespace moescope {
namespace {

const Json& expected() {  // tests/reference/information_oracle.py
  static const Json json = *readJson(std::string(MOESCOPE_SOURCE_DIR) + "/tests/reference/information_oracle.json");
  return json;
}

std::size_t labelAt(const Result& result, const std::string& name) {
  const std::vector<std::string>& labels = result.axis("label")->labels;
  return static_cast<std::size_t>(std::ranges::find(labels, name) - labels.begin());
}

TEST(SpecialiseInformation, AgreesWithTheOtherImplementation) {
  const made::Folder folder("information-oracle");
  const made::Rule rule = made::ruleOf(expected()["rule"]);
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  auto result = made::analyse("specialise.information", folder.path() / "t",
                              {{"min_count", expected()["min_count"]}, {"draws", 400}}, 2);
  ASSERT_TRUE(result) << result.error().message;
  const std::size_t labels = result->axis("label")->labels.size();
  for (std::int64_t layer = 0; layer < rule.layers; ++layer)
    for (const auto& [name, of] : expected()["layers"][layer]["labels"].items()) {
      const std::size_t at = layer * labels + labelAt(*result, name);
      const double information = of["information"], label = of["label_entropy"], expert = of["expert_entropy"];
      EXPECT_NEAR(made::array(*result, "information").values[at], information, 1e-10) << name;
      EXPECT_NEAR(made::array(*result, "corrected").values[at], of["corrected"].get<double>(), 1e-10) << name;
      EXPECT_NEAR(made::array(*result, "of_label").values[at], information / label, 1e-10) << name;
      EXPECT_NEAR(made::array(*result, "of_routing").values[at], information / expert, 1e-10) << name;
      EXPECT_NEAR(made::array(*result, "symmetric").values[at], 2 * information / (label + expert), 1e-10) << name;
      // Two means over 400 and 500 draws: four standard errors of their difference.
      EXPECT_NEAR(made::array(*result, "information").baseline[at], of["null_mean"].get<double>(),
                  4 * of["null_deviation"].get<double>() * std::sqrt(1.0 / 400 + 1.0 / 500))
          << name;
    }
}

// The closed form of the bias holds for a token's distinct experts: what is left of independent labels is 0 within two
// standard errors, and the null agrees with it (A13).
TEST(SpecialiseInformation, OfIndependentLabelsIsNoneAfterCorrection) {
  const made::Folder folder("information-none");
  const made::Rule rule{.layers = 8, .experts = 8, .topK = 3, .domains = 4, .documents = 100, .tokensPerDocument = 60};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  auto result = made::analyse("specialise.information", folder.path() / "t", {{"draws", 60}}, 2);
  ASSERT_TRUE(result) << result.error().message;
  const std::size_t labels = result->axis("label")->labels.size();
  for (const auto& [name, count] : {std::pair{"domain", 4}, {"token id", 97}, {"position", 10}}) {
    const std::size_t label = labelAt(*result, name);
    double corrected = 0, excess = 0, bias = 0;
    for (std::size_t layer = 0; layer < 8; ++layer) {
      const auto mean = [&](const char* array) {
        return made::array(*result, array).values[layer * labels + label] / 8;
      };
      corrected += mean("corrected");
      excess += mean("excess");
      bias += mean("information") - mean("corrected");
    }
    // 2 N k I is about chi-square with (labels - 1)(experts - 1) degrees of freedom; a mean over eight layers.
    const double error = bias * std::sqrt(2.0 / ((count - 1) * 7)) / std::sqrt(8.0);
    EXPECT_LT(std::abs(corrected), 3 * error) << name;
    EXPECT_LT(std::abs(excess), 3 * error) << name;
  }
}

// X decides the expert: I = H(X), which is also H(expert).
TEST(SpecialiseInformation, IsTheLabelsEntropyWhereItDecides) {
  const made::Folder folder("information-own");
  const made::Rule rule{.layers = 1, .experts = 97, .topK = 1, .documents = 30, .tokensPerDocument = 200};
  ASSERT_TRUE(made::writeChosen(folder.path() / "t", rule,
                                [](auto, auto token, auto) { return made::number(1000, token) % 97; }));
  auto result = made::analyse("specialise.information", folder.path() / "t", {{"min_count", 1}});
  ASSERT_TRUE(result) << result.error().message;
  const std::size_t id = labelAt(*result, "token id");
  EXPECT_NEAR(made::array(*result, "of_label").values[id], 1, 1e-12);
  EXPECT_NEAR(made::array(*result, "of_routing").values[id], 1, 1e-12);
  EXPECT_NEAR(made::array(*result, "symmetric").values[id], 1, 1e-12);
  EXPECT_LT(made::array(*result, "of_label").baseline[id], 0.3);
  EXPECT_NEAR(made::array(*result, "p").values[id], 1.0 / 41, 1e-12);
}

// Characters decide: ids below 50 are words, the others numbers, and these have an expert each.
TEST(SpecialiseInformation, ReadsCharacterClassesFromTheText) {
  const made::Folder folder("information-classes");
  const made::Rule rule{.layers = 1, .experts = 2, .topK = 1, .documents = 10, .tokensPerDocument = 100};
  TraceChunk chunk = made::chunk(rule);
  for (std::int64_t token = 0; token < rule.tokens(); ++token)
    chunk.layers[0].expert[token] = chunk.id[token] < 50 ? 0 : 1;
  Vocabulary words;
  for (std::int32_t id = 0; id < 97; ++id) {
    words.id.push_back(id);
    words.bytes.push_back(id < 50 ? " word" : std::to_string(id));
  }
  {
    auto writer = TraceWriter::open(folder.path() / "t", made::info(rule));
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->append(chunk));
    ASSERT_TRUE(writer->finish(words));
  }
  auto result = made::analyse("specialise.information", folder.path() / "t", {{"classes", {"text"}}, {"draws", 5}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_NEAR(made::array(*result, "of_label").values[labelAt(*result, "character class")], 1, 1e-12);
  EXPECT_EQ(result->facts["tokens"], 990);  // without the ten beginnings
}

TEST(SampledTokens, AreWholeDocumentsSpreadOverTheTrace) {
  const made::Folder folder("sampled");
  const made::Rule rule{.domains = 4, .documents = 40, .tokensPerDocument = 50};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  auto trace = Trace::open(folder.path() / "t");
  ASSERT_TRUE(trace);
  auto set = checkParameters(made::operation("specialise.information").describe().parameters, Json::object());
  auto filter = traceFilter(trace->info(), *set);
  QuietJob job(folder.path() / "job");
  auto some = sampleTokens(*trace, *filter, 500, job);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->size(), 500u);
  EXPECT_EQ(some->documents, 40);
  EXPECT_EQ(some->document, (std::vector<std::uint32_t>{0, 4, 8, 12, 16, 20, 24, 28, 32, 36}));
  const TraceChunk all = made::chunk(rule);
  auto experts = sampledExperts(*trace, *filter, *some, 1, [](double) { return true; });
  ASSERT_TRUE(experts);
  EXPECT_EQ((*experts)[2 * 55], all.layers[1].expert[2 * (4 * 50 + 5)]);
  EXPECT_EQ(some->id[55], all.id[4 * 50 + 5]);
  auto everything = sampleTokens(*trace, *filter, 0, job);
  ASSERT_TRUE(everything);
  EXPECT_EQ(everything->size(), 2000u);
}

TEST(SpecialisePosition, AgreesWithTheOtherImplementation) {
  const made::Folder folder("position-oracle");
  const made::Rule rule = made::ruleOf(expected()["rule"]);
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  auto result = made::analyse("specialise.position", folder.path() / "t", {{"draws", 2000}}, 2);
  ASSERT_TRUE(result) << result.error().message;
  for (std::int64_t layer = 0; layer < rule.layers; ++layer)
    for (std::int64_t part = 0; part < 10; ++part)
      for (std::int64_t e = 0; e < rule.experts; ++e) {
        const Json& of = expected()["layers"][layer]["position"];
        const std::size_t cell = (layer * 10 + part) * rule.experts + e;
        EXPECT_NEAR(made::array(*result, "share").values[cell], of["share"][part][e].get<double>(), 1e-12);
        EXPECT_NEAR(made::array(*result, "lift").values[cell], of["lift"][part][e].get<double>(), 1e-12);
        EXPECT_LE(made::array(*result, "lift").low[cell], made::array(*result, "lift").values[cell]);
        EXPECT_GE(made::array(*result, "lift").high[cell], made::array(*result, "lift").values[cell]);
        const double exceedance = of["exceedance"][part][e];
        EXPECT_GE(made::array(*result, "q").values[cell], exceedance - 0.05);  // q is never below p
      }
  for (std::int64_t layer = 0; layer < rule.layers; ++layer) {
    const Json& of = expected()["layers"][layer]["labels"]["position"];
    EXPECT_NEAR(made::array(*result, "information").values[layer], of["information"].get<double>(), 1e-10);
    EXPECT_NEAR(made::array(*result, "information").baseline[layer], of["null_mean"].get<double>(), 5e-4);
  }
}

// Expert 0 takes the first tenth of every document, the others share the rest.
TEST(SpecialisePosition, FindsWhoTakesTheBeginning) {
  const made::Folder folder("position-own");
  const made::Rule rule{.layers = 1, .experts = 4, .topK = 1, .domains = 2, .documents = 20, .tokensPerDocument = 100};
  ASSERT_TRUE(made::writeChosen(folder.path() / "t", rule, [](auto, auto token, auto) {
    return token % 100 < 10 ? 0 : 1 + made::number(9, token) % 3;
  }));
  auto result = made::analyse("specialise.position", folder.path() / "t");
  ASSERT_TRUE(result) << result.error().message;
  const std::vector<double>&lift = made::array(*result, "lift").values, &q = made::array(*result, "q").values;
  EXPECT_NEAR(lift[0], 10, 1e-12);
  EXPECT_EQ(lift[4], 0);
  EXPECT_LT(q[0], 1e-6);
  EXPECT_EQ(made::array(*result, "information_p").values[0], 1.0 / 201);
  // Windows are 64 long: position 64 is distance 0 again. Half of the distance-0 tokens begin a document.
  const Axis& distances = *result->axis("distance");
  EXPECT_EQ(distances.labels, (std::vector<std::string>{"0", "1", "2-3", "4-7", "8-15", "16-31", "32-63"}));
  EXPECT_NEAR(made::array(*result, "share_by_distance").values[0], 0.5, 1e-12);
}

TEST(DistanceBin, AreThePowersOfTwo) {
  EXPECT_EQ(distanceBin(0), 0u);
  EXPECT_EQ(distanceBin(1), 1u);
  EXPECT_EQ(distanceBin(2), 2u);
  EXPECT_EQ(distanceBin(3), 2u);
  EXPECT_EQ(distanceBin(4), 3u);
  EXPECT_EQ(distanceBin(63), 6u);
}

TEST(SpecialisePosition, NullIsCalibratedWhereRunsAreAlikeButPlacesAreNot) {
  const made::Folder folder("position-null");
  const made::Rule rule{.layers = 6, .experts = 8, .topK = 1, .domains = 1, .documents = 60, .tokensPerDocument = 100};
  ASSERT_TRUE(made::writeChosen(folder.path() / "t", rule, [](auto layer, auto token, auto) {  // runs of ten
    return made::number(700 + layer, (token + 3) / 10) % 8;
  }));
  auto result = made::analyse("specialise.position", folder.path() / "t", {}, 2);
  ASSERT_TRUE(result) << result.error().message;
  const std::vector<double>& q = made::array(*result, "q").values;
  EXPECT_LE(std::ranges::count_if(q, [](double value) { return value < 0.05; }), 4);  // of 480
}

}  // namespace
}  // namespace moescope
