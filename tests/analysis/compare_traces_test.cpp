// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>

#include "core/analysis/trace_comparison.h"
#include "core/statistics/multiple_testing.h"
#include "tests/analysis/load_oracle.h"

namespace moescope {
namespace {

using made::array;
using Ports = std::vector<std::pair<std::string, std::filesystem::path>>;

// The oracle's two traces, of the same tokens and other preferences.
struct Pair {
  made::Folder folder;
  Ports ports;
  explicit Pair(const std::string& name)
      : folder(name), ports{{"first", folder.path() / "one"}, {"second", folder.path() / "other"}} {
    EXPECT_TRUE(made::writeOracle(folder.path() / "one", made::oracleRule("rule")));
    EXPECT_TRUE(made::writeOracle(folder.path() / "other", made::oracleRule("other")));
  }
};

TEST(CompareTraces, AgreesWithTheOtherImplementation) {
  const Pair pair("compare");
  auto result = made::analyseSeveral("compare.traces", pair.ports, {{"draws", 4000}}, 2);
  ASSERT_TRUE(result) << result.error().message;
  const Json& expected = made::loadOracle()["compare"];
  for (const char* name :
       {"overlap", "jaccard", "same_set", "same_first", "overlap_by_domain", "difference", "divergence"})
    made::expectLayers(array(*result, name), expected, name);
  std::vector<double> p;
  for (std::size_t layer = 0; layer < 2; ++layer) {
    EXPECT_NEAR(array(*result, "overlap").baseline[layer], expected[layer]["popular"].get<double>(), 1e-12);
    EXPECT_NEAR(array(*result, "change").values[layer], 1 - expected[layer]["overlap"].get<double>(), 1e-12);
    EXPECT_EQ(array(*result, "chance").values[layer], 0.25);
    for (std::size_t e = 0; e < 8; ++e) {
      const double low = expected[layer]["interval"][0][e], high = expected[layer]["interval"][1][e];
      EXPECT_NEAR(array(*result, "difference").low[layer * 8 + e], low, 0.08 * (high - low));
      EXPECT_NEAR(array(*result, "difference").high[layer * 8 + e], high, 0.08 * (high - low));
      p.push_back(expected[layer]["p"][e]);
    }
  }
  const std::vector<double> q = benjaminiHochberg(p);
  for (std::size_t cell = 0; cell < q.size(); ++cell)
    EXPECT_NEAR(std::log10(array(*result, "q").values[cell]), std::log10(q[cell]), 0.35) << cell;
  EXPECT_EQ(result->facts["tokens"], 1500);
  EXPECT_EQ(result->facts["source"], "one and other");
}

TEST(CompareTraces, OfATraceWithItselfIsTheSame) {
  const made::Folder folder("compare-same");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{}));
  auto result =
      made::analyseSeveral("compare.traces", {{"first", folder.path() / "t"}, {"second", folder.path() / "t"}});
  ASSERT_TRUE(result) << result.error().message;
  for (const char* name : {"overlap", "jaccard", "same_set", "same_first"})
    for (double value : array(*result, name).values) EXPECT_EQ(value, 1) << name;
  for (double value : array(*result, "difference").values) EXPECT_EQ(value, 0);
  for (double value : array(*result, "q").values) EXPECT_EQ(value, 1);
  for (double value : array(*result, "divergence").values) EXPECT_NEAR(value, 0, 1e-15);
}

TEST(CompareTraces, FindsRenamedExpertsWhenAskedAndOnlyThen) {
  const made::Folder folder("compare-match");
  const made::Rule rule{.layers = 2, .experts = 8, .topK = 2, .preference = 90};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  TraceChunk chunk = made::chunk(rule);
  for (TraceChunk::Layer& layer : chunk.layers)
    for (std::uint16_t& e : layer.expert) e = (3 * e + 5) % 8;
  auto writer = TraceWriter::open(folder.path() / "renamed", made::info(rule));
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append(chunk));
  ASSERT_TRUE(writer->finish({}));
  const Ports ports{{"first", folder.path() / "t"}, {"second", folder.path() / "renamed"}};
  auto plain = made::analyseSeveral("compare.traces", ports),
       matched = made::analyseSeveral("compare.traces", ports, {{"match", "overlap"}});
  ASSERT_TRUE(plain);
  ASSERT_TRUE(matched) << matched.error().message;
  for (double value : array(*plain, "overlap").values) EXPECT_LT(value, 0.6);
  EXPECT_EQ(plain->array("partner"), nullptr);
  for (double value : array(*matched, "overlap").values) EXPECT_EQ(value, 1);
  for (double value : array(*matched, "difference").values) EXPECT_EQ(value, 0);
  for (std::size_t e = 0; e < 8; ++e) EXPECT_EQ(array(*matched, "partner").values[e], (3 * e + 5) % 8);
}

TEST(CompareTraces, OtherTokensAreNamedAndComparedUnpaired) {
  const made::Folder folder("compare-unpaired");
  made::Rule rule = made::oracleRule();
  ASSERT_TRUE(made::writeOracle(folder.path() / "one", rule));
  rule.documents = 24;
  ASSERT_TRUE(made::writeOracle(folder.path() / "shorter", rule));
  const Ports ports{{"first", folder.path() / "one"}, {"second", folder.path() / "shorter"}};
  auto refused = made::analyseSeveral("compare.traces", ports);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_NE(refused.error().message.find("one holds 1500 tokens and shorter holds 1200"), std::string::npos)
      << refused.error().message;
  EXPECT_NE(refused.error().message.find("paired=false"), std::string::npos);
  auto result = made::analyseSeveral("compare.traces", ports, {{"paired", false}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->array("overlap"), nullptr);
  EXPECT_EQ(result->facts["tokens"], 2700);
  EXPECT_EQ(result->facts["documents"], 54);
  // The same rule: no difference stands out, and every interval of utilisation holds 0.
  const Array& difference = array(*result, "difference");
  for (std::size_t cell = 0; cell < difference.values.size(); ++cell) {
    EXPECT_GT(array(*result, "q").values[cell], 0.05);
    EXPECT_LT(difference.low[cell], difference.high[cell]);
  }
  auto impossible = made::analyseSeveral("compare.traces", ports, {{"paired", false}, {"match", "overlap"}});
  ASSERT_FALSE(impossible);
  EXPECT_EQ(impossible.error().kind, ErrorKind::usage);
}

TEST(CompareTraces, SaysWhereTheTokensPart) {
  const made::Folder folder("compare-part");
  const made::Rule rule{};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  TraceChunk chunk = made::chunk(rule);
  chunk.id[123] += 1;
  auto writer = TraceWriter::open(folder.path() / "changed", made::info(rule));
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append(chunk));
  ASSERT_TRUE(writer->finish({}));
  auto result =
      made::analyseSeveral("compare.traces", {{"first", folder.path() / "t"}, {"second", folder.path() / "changed"}});
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("token 123"), std::string::npos) << result.error().message;
}

TEST(CompareTraces, RefusesOtherNumbersOfLayersAndTakesOtherNumbersOfExperts) {
  const made::Folder folder("compare-shapes");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{.layers = 2}));
  ASSERT_TRUE(made::write(folder.path() / "deeper", made::Rule{.layers = 3}));
  ASSERT_TRUE(made::write(folder.path() / "pruned", made::Rule{.layers = 2, .experts = 6}));
  auto deeper =
      made::analyseSeveral("compare.traces", {{"first", folder.path() / "t"}, {"second", folder.path() / "deeper"}});
  ASSERT_FALSE(deeper);
  EXPECT_EQ(deeper.error().kind, ErrorKind::usage);
  auto pruned =
      made::analyseSeveral("compare.traces", {{"first", folder.path() / "t"}, {"second", folder.path() / "pruned"}});
  ASSERT_TRUE(pruned) << pruned.error().message;
  EXPECT_TRUE(std::isnan(array(*pruned, "difference").values[7]));
  EXPECT_TRUE(std::isnan(array(*pruned, "q").values[7]));
  EXPECT_FALSE(std::isnan(array(*pruned, "difference").values[5]));
}

TEST(CompareTraces, FiltersBothSides) {
  const Pair pair("compare-filter");
  auto result = made::analyseSeveral("compare.traces", pair.ports, {{"domains", {"domain 1"}}, {"draws", 0}});
  ASSERT_TRUE(result) << result.error().message;
  for (std::size_t layer = 0; layer < 2; ++layer)
    EXPECT_NEAR(array(*result, "overlap").values[layer],
                made::loadOracle()["compare"][layer]["overlap_by_domain"][1].get<double>(), 1e-12);
  EXPECT_EQ(result->facts["documents"], 10);
}

TEST(PathsSaturation, AgreesWithTheOtherImplementation) {
  const made::Folder folder("saturation");
  made::Rule rule = made::oracleRule(), middle = rule;
  middle.preference = 120;
  ASSERT_TRUE(made::writeOracle(folder.path() / "a", rule));
  ASSERT_TRUE(made::writeOracle(folder.path() / "b", middle));
  ASSERT_TRUE(made::writeOracle(folder.path() / "c", made::oracleRule("other")));
  const Ports ports{{"traces", folder.path() / "a"}, {"traces", folder.path() / "b"}, {"traces", folder.path() / "c"}};
  auto result = made::analyseSeveral("paths.saturation", ports, {{"steps", {10, 20, 40}}, {"draws", 200}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->axis("snapshot")->labels, (std::vector<std::string>{"10", "20", "40"}));
  const auto expect = [&](const char* name, std::size_t layer, std::size_t snapshot, const Json& value) {
    EXPECT_NEAR(array(*result, name).values[snapshot * 2 + layer], value.get<double>(), 1e-12) << name;
  };
  for (std::size_t layer = 0; layer < 2; ++layer) {
    const Json& of = made::loadOracle()["saturation"][layer];
    for (std::size_t snapshot = 0; snapshot < 3; ++snapshot) {
      expect("saturation", layer, snapshot, of["saturation"][snapshot]);
      expect("saturation_first", layer, snapshot, of["first"][snapshot]);
      expect("settled", layer, snapshot, of["settled"][snapshot]);
      if (snapshot > 0) expect("change", layer, snapshot, of["change"][snapshot - 1]);
    }
    EXPECT_TRUE(std::isnan(array(*result, "change").values[layer]));
    EXPECT_EQ(array(*result, "saturation").values[4 + layer], 1);  // A13: RS(final) = 1
    EXPECT_EQ(array(*result, "saturation").baseline[layer], 0.25);
    EXPECT_LT(array(*result, "saturation").low[layer], array(*result, "saturation").values[layer]);
  }
}

TEST(PathsSaturation, RefusesWhatCannotBeFollowed) {
  const made::Folder folder("saturation-wrong");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{}));
  ASSERT_TRUE(made::write(folder.path() / "longer", made::Rule{.documents = 13}));
  ASSERT_TRUE(made::write(folder.path() / "wider", made::Rule{.experts = 16}));
  const auto of = [&](const Ports& ports, const Json& set = Json::object()) {
    auto result = made::analyseSeveral("paths.saturation", ports, set);
    EXPECT_FALSE(result);
    return result ? ErrorKind::bug : result.error().kind;
  };
  const std::pair<std::string, std::filesystem::path> t{"traces", folder.path() / "t"};
  EXPECT_EQ(of({t}), ErrorKind::usage);
  EXPECT_EQ(of({{"traces", folder.path() / "longer"}, t}), ErrorKind::usage);
  EXPECT_EQ(of({{"traces", folder.path() / "wider"}, t}), ErrorKind::usage);
  EXPECT_EQ(of({t, t}, {{"steps", {1}}}), ErrorKind::usage);
  EXPECT_EQ(of({t, t}, {{"steps", {"a", "b"}}}), ErrorKind::usage);
}

}  // namespace
}  // namespace moescope
