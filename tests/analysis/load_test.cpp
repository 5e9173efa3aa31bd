// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <numeric>

#include "core/analysis/load_metrics.h"
#include "core/statistics/counter_random.h"
#include "tests/analysis/analysed.h"

namespace moescope {
namespace {

double metric(const std::string& name, std::span<const double> counts) {
  for (const LoadMetric& candidate : loadMetrics())
    if (candidate.name == name) return candidate.of(counts);
  throw std::logic_error("no metric " + name);
}

// A13: collapse on the same k of E experts.
TEST(LoadMetrics, OfACollapseAreItsClosedForms) {
  for (const auto& [experts, k] : {std::pair{8, 1}, {8, 2}, {64, 8}, {256, 8}}) {
    std::vector<double> counts(experts);
    std::fill_n(counts.begin(), k, 1000.0);
    const double E = experts;
    EXPECT_NEAR(metric("cv", counts), std::sqrt(E / k - 1), 1e-12);
    EXPECT_NEAR(metric("gini", counts), 1 - k / E, 1e-12);
    EXPECT_NEAR(metric("jain", counts), k / E, 1e-12);
    EXPECT_NEAR(metric("effective_experts", counts), k, 1e-9);
    EXPECT_NEAR(metric("max_violation", counts), E / k - 1, 1e-12);
    EXPECT_NEAR(metric("entropy", counts), std::log(static_cast<double>(k)) / std::log(E), 1e-12);
    EXPECT_EQ(metric("dead", counts), E - k);
    EXPECT_EQ(metric("hot", counts), E / k > 2 ? k : 0);
  }
}

TEST(LoadMetrics, OfEqualCountsAreTheEvenEnds) {
  const std::vector<double> counts(64, 125.0);
  EXPECT_EQ(metric("cv", counts), 0);
  EXPECT_EQ(metric("max_violation", counts), 0);
  EXPECT_NEAR(metric("gini", counts), 0, 1e-12);
  EXPECT_NEAR(metric("entropy", counts), 1, 1e-12);
  EXPECT_NEAR(metric("jain", counts), 1, 1e-12);
  EXPECT_NEAR(metric("effective_experts", counts), 64, 1e-9);
  EXPECT_EQ(metric("dead", counts) + metric("cold", counts) + metric("hot", counts), 0);
  const std::vector<double> one{7};
  EXPECT_EQ(metric("entropy", one), 1);
  EXPECT_EQ(metric("cv", one), 0);
}

TEST(LoadMetrics, JainIsAFunctionOfCv) {
  CounterRandom random(5, 0);
  for (int sample = 0; sample < 50; ++sample) {
    std::vector<double> counts(2 + random.below(60));
    for (double& count : counts) count = static_cast<double>(random.below(1000));
    const double cv = metric("cv", counts);
    EXPECT_NEAR(metric("jain", counts), 1 / (1 + cv * cv), 1e-12);
    EXPECT_LE(metric("effective_experts", counts), static_cast<double>(counts.size()) + 1e-9);
    EXPECT_GE(metric("gini", counts), -1e-12);
  }
}

TEST(LoadMetrics, OfNothingAreUnknown) {
  const std::vector<double> counts(8);
  for (const LoadMetric& candidate : loadMetrics()) EXPECT_TRUE(std::isnan(candidate.of(counts))) << candidate.name;
}

TEST(LoadBalance, OfRoundRobinIsEvenAndBelowItsFloor) {
  const made::Folder folder("balance-even");
  const made::Rule rule{.layers = 3, .experts = 8, .topK = 2, .documents = 20, .tokensPerDocument = 40};
  ASSERT_TRUE(
      made::writeChosen(folder.path() / "t", rule, [](auto, auto token, auto rank) { return (2 * token + rank) % 8; }));
  auto result = made::analyse("load.balance", folder.path() / "t");
  ASSERT_TRUE(result) << result.error().message;
  for (double ratio : made::array(*result, "utilisation").values) EXPECT_EQ(ratio, 1);
  for (double count : made::array(*result, "count").values) EXPECT_EQ(count, 200);
  for (double cv : made::array(*result, "cv").values) EXPECT_EQ(cv, 0);
  const double floor = std::sqrt(6.0 / (800 * 2));
  for (double baseline : made::array(*result, "cv").baseline) EXPECT_NEAR(baseline, floor, 1e-12);
  for (double noise : made::array(*result, "noise").values) EXPECT_NEAR(noise, 2 * floor, 1e-12);
  // Every document is even, so every resample is.
  for (double high : made::array(*result, "cv").high) EXPECT_EQ(high, 0);
  EXPECT_EQ(result->facts["tokens"], 800);
  EXPECT_EQ(result->facts["documents"], 20);
  EXPECT_EQ(result->facts["domains"], 3);
  EXPECT_EQ(result->facts["source"], "t");
  EXPECT_EQ(result->axis("layer")->labels, (std::vector<std::string>{"0 (block 1)", "1 (block 2)", "2 (block 3)"}));
}

TEST(LoadBalance, AgreesWithTheOtherImplementation) {
  const made::Folder folder("balance-oracle");
  for (const char* name : {"even", "specialised"}) {
    const Json& expected = made::oracle()[name];
    const made::Rule rule = made::ruleOf(expected["rule"]);
    ASSERT_TRUE(made::write(folder.path() / name, rule));
    auto result = made::analyse("load.balance", folder.path() / name, {{"draws", 4000}}, 2);
    ASSERT_TRUE(result) << result.error().message;
    for (std::int64_t layer = 0; layer < rule.layers; ++layer) {
      const Json& of = expected["layers"][layer];
      for (const auto& [metricName, value] : of["metrics"].items())
        EXPECT_NEAR(made::array(*result, metricName).values[layer], value.get<double>(), 1e-10)
            << name << " " << metricName;
      for (const auto& [metricName, interval] : of["intervals"].items()) {
        const Array& array = made::array(*result, metricName);
        const double low = interval[0], high = interval[1], tolerance = 0.06 * (high - low);
        EXPECT_NEAR(array.low[layer], low, tolerance) << name << " " << metricName;
        EXPECT_NEAR(array.high[layer], high, tolerance) << name << " " << metricName;
      }
      const Array& ratio = made::array(*result, "utilisation");
      for (std::int64_t e = 0; e < rule.experts; ++e) {
        EXPECT_EQ(made::array(*result, "count").values[layer * rule.experts + e], of["count"][e].get<double>());
        const double low = of["utilisation_interval"][0][e], high = of["utilisation_interval"][1][e];
        EXPECT_NEAR(ratio.low[layer * rule.experts + e], low, 0.06 * (high - low));
        EXPECT_NEAR(ratio.high[layer * rule.experts + e], high, 0.06 * (high - low));
      }
    }
  }
}

TEST(LoadBalance, SameSeedSameNumbersWhateverTheThreads) {
  const made::Folder folder("balance-threads");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{}));
  const auto low = [&](int threads, int seed) {
    auto result = made::analyse("load.balance", folder.path() / "t", {{"draws", 200}, {"seed", seed}}, threads);
    EXPECT_TRUE(result);
    return made::array(*result, "gini").low;
  };
  EXPECT_EQ(low(1, 4), low(4, 4));
  EXPECT_NE(low(1, 4), low(1, 5));
}

TEST(LoadBalance, WithoutDrawsHasNoIntervals) {
  const made::Folder folder("balance-none");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{}));
  auto result = made::analyse("load.balance", folder.path() / "t", {{"draws", 0}});
  ASSERT_TRUE(result);
  EXPECT_TRUE(made::array(*result, "cv").low.empty());
  EXPECT_TRUE(made::array(*result, "utilisation").high.empty());
  EXPECT_FALSE(made::array(*result, "cv").baseline.empty());
}

TEST(LoadBalance, PadsLayersOfOtherSizes) {
  const made::Folder folder("balance-padded");
  const made::Rule rule{.layers = 2, .experts = 8, .topK = 2};
  TraceInfo info = made::info(rule);
  TraceChunk chunk = made::chunk(rule);
  info.layers[1].numExperts = 5;
  for (std::uint16_t& expert : chunk.layers[1].expert) expert %= 5;
  auto writer = TraceWriter::open(folder.path() / "t", info);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(writer->append(chunk));
  ASSERT_TRUE(writer->finish({}));
  auto result = made::analyse("load.balance", folder.path() / "t", {{"draws", 10}});
  ASSERT_TRUE(result) << result.error().message;
  for (int e = 5; e < 8; ++e) {
    EXPECT_EQ(made::array(*result, "count").values[8 + e], -1);
    EXPECT_TRUE(std::isnan(made::array(*result, "utilisation").values[8 + e]));
    EXPECT_TRUE(std::isnan(made::array(*result, "utilisation").low[8 + e]));
  }
  EXPECT_GE(made::array(*result, "count").values[8 + 4], 0);
}

TEST(LoadFrequency, SumsToOneAndOverRanks) {
  const made::Folder folder("frequency");
  const made::Rule rule{.layers = 2, .experts = 8, .topK = 3};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  auto result = made::analyse("load.frequency", folder.path() / "t");
  ASSERT_TRUE(result) << result.error().message;
  const std::vector<double>&frequency = made::array(*result, "frequency").values,
        &byRank = made::array(*result, "frequency_by_rank").values,
        &importance = made::array(*result, "importance").values;
  const TraceChunk chunk = made::chunk(rule);
  for (int layer = 0; layer < 2; ++layer) {
    EXPECT_NEAR(std::accumulate(frequency.begin() + layer * 8, frequency.begin() + (layer + 1) * 8, 0.0), 1, 1e-12);
    EXPECT_NEAR(std::accumulate(importance.begin() + layer * 8, importance.begin() + (layer + 1) * 8, 0.0), 1, 1e-12);
    for (int e = 0; e < 8; ++e) {
      double ranks = 0, weight = 0, all = 0;
      for (int rank = 0; rank < 3; ++rank) ranks += byRank[(layer * 8 + e) * 3 + rank];
      EXPECT_NEAR(ranks, frequency[layer * 8 + e], 1e-12);
      for (std::size_t at = 0; at < chunk.layers[layer].expert.size(); ++at) {
        all += chunk.layers[layer].weight[at];
        if (chunk.layers[layer].expert[at] == e) weight += chunk.layers[layer].weight[at];
      }
      EXPECT_NEAR(importance[layer * 8 + e], weight / all, 1e-6);  // weights are counted in units of 2^-24
    }
  }
}

// The additive counters and a second look at the tokens give the same numbers for a domain.
TEST(TraceFilters, OfDomainsAndClassesCountTheRightTokens) {
  const made::Folder folder("filters");
  const made::Rule rule{.layers = 1, .experts = 8, .topK = 2, .paddedEnds = true};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));
  const TraceChunk chunk = made::chunk(rule);
  const auto counted = [&](auto keep) {
    std::vector<double> count(8);
    for (std::size_t token = 0; token < chunk.tokens(); ++token)
      if (chunk.tokenClass[token] != padding && keep(token))
        for (int rank = 0; rank < 2; ++rank) ++count[chunk.layers[0].expert[token * 2 + rank]];
    return count;
  };
  const auto of = [&](const Json& set) {
    auto result = made::analyse("load.balance", folder.path() / "t", set);
    EXPECT_TRUE(result) << result.error().message;
    return made::array(*result, "count").values;
  };
  EXPECT_EQ(of({{"draws", 0}}), counted([](std::size_t) { return true; }));
  EXPECT_EQ(of({{"draws", 20}, {"domains", {"domain 1"}}}),
            counted([&](std::size_t token) { return chunk.domain[token] == 1; }));
  EXPECT_EQ(of({{"draws", 20}, {"domains", {2, "domain 0"}}}),
            counted([&](std::size_t token) { return chunk.domain[token] != 1; }));
  EXPECT_EQ(of({{"draws", 20}, {"classes", {"beginning"}}}),
            counted([&](std::size_t token) { return chunk.tokenClass[token] == beginning; }));
  EXPECT_EQ(of({{"draws", 20}, {"classes", {"text"}}, {"domains", {"domain 2"}}}), counted([&](std::size_t token) {
              return chunk.tokenClass[token] == textToken && chunk.domain[token] == 2;
            }));
  auto frequency = made::analyse("load.frequency", folder.path() / "t", {{"domains", {"domain 1"}}});
  ASSERT_TRUE(frequency);
  const std::vector<double> expected = counted([&](std::size_t token) { return chunk.domain[token] == 1; });
  const double sum = std::accumulate(expected.begin(), expected.end(), 0.0);
  for (int e = 0; e < 8; ++e) EXPECT_NEAR(made::array(*frequency, "frequency").values[e], expected[e] / sum, 1e-12);
  EXPECT_EQ(frequency->facts["documents"], 4);
  EXPECT_EQ(frequency->facts["domains"], 1);
}

TEST(TraceFilters, NameWhatIsWrong) {
  const made::Folder folder("filters-wrong");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{}));
  for (const auto& [set, word] : {std::pair<Json, std::string>{{{"domains", {"domian 1"}}}, "domain 1"},
                                  {{{"domains", {17}}}, "17"},
                                  {{{"classes", {"texts"}}}, "text"},
                                  {{{"classes", {"padding"}}}, "padding"},
                                  {{{"classes", {"image"}}}, "filters"}}) {
    auto result = made::analyse("load.balance", folder.path() / "t", set);
    ASSERT_FALSE(result) << set.dump();
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
    EXPECT_NE(result.error().message.find(word), std::string::npos) << result.error().message;
  }
}

TEST(LoadBalance, RefusesDenseAndEmptyAndMissingTraces) {
  const made::Folder folder("balance-bad");
  ASSERT_TRUE(made::write(folder.path() / "dense", made::Rule{.layers = 0}));
  ASSERT_TRUE(made::write(folder.path() / "empty", made::Rule{.documents = 0}));
  for (const char* name : {"dense", "empty", "missing"}) {
    auto result = made::analyse("load.balance", folder.path() / name);
    ASSERT_FALSE(result) << name;
    EXPECT_EQ(result.error().kind, ErrorKind::input) << result.error().message;
  }
}

TEST(LoadBalance, StopsWhenCancelled) {
  const made::Folder folder("balance-cancel");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{}));
  const Operation& operation = made::operation("load.balance");
  QuietJob job(folder.path() / "job");
  job.stop = true;
  auto outputs =
      operation.run(made::inputs(folder.path() / "t"), *checkParameters(operation.describe().parameters, {}), job);
  ASSERT_FALSE(outputs);
  EXPECT_EQ(outputs.error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace moescope
