// SPDX-License-Identifier: GPL-3.0-or-later
// paths.* on made traces against numpy, scipy and brute force (tests/reference/paths.py), and by closed forms.
#include <cmath>
#include <numeric>

#include "core/analysis/expert_cache.h"
#include "core/analysis/segment_counts.h"
#include "tests/analysis/analysed.h"

namespace moescope {
namespace {

const Json& reference() {
  static const Json json = *readJson(std::string(MOESCOPE_SOURCE_DIR) + "/tests/reference/paths.json");
  return json;
}

std::vector<double> numbers(const Json& json) {
  std::vector<double> list;
  for (const Json& each : json) list.push_back(each.is_null() ? std::nan("") : each.get<double>());
  return list;
}

class Paths : public ::testing::TestWithParam<const char*> {
 protected:
  const Json& expected = reference()["traces"][GetParam()];
  made::Rule rule = made::ruleOf(expected["rule"]);
  made::Folder folder{std::string("paths-") + GetParam()};
  void SetUp() override { ASSERT_TRUE(made::write(folder.path() / "trace", rule)); }
  Result run(const std::string& id, const Json& set = Json::object()) {
    auto result = made::analyse(id, folder.path() / "trace", set);
    if (!result) throw std::runtime_error(result.error().message);
    return *std::move(result);
  }
};

TEST_P(Paths, CoactivationIsThatOfNumpy) {
  const Result result = run("paths.coactivation");
  const std::vector<double>&count = made::array(result, "count").values, &lift = made::array(result, "lift").values,
        &excess = made::array(result, "excess").values, &q = made::array(result, "q").values,
        &conditional = made::array(result, "conditional").values;
  const auto experts = static_cast<std::size_t>(rule.experts), cells = experts * experts;
  const std::vector<double> allQ = numbers(expected["pairs"]["q"]);
  std::size_t next = 0;
  for (std::size_t layer = 0; layer < expected["pairs"]["layers"].size(); ++layer) {
    const Json& of = expected["pairs"]["layers"][layer];
    const std::vector<double> together = numbers(of["count"]), chance = numbers(of["expected"]);
    EXPECT_NEAR(made::array(result, "design_effect").values[layer], of["effect"].get<double>(), 1e-9);
    for (std::size_t i = 0; i < experts; ++i) {
      double row = 0;
      for (std::size_t j = 0; j < experts; ++j) {
        const std::size_t cell = layer * cells + i * experts + j, at = i * experts + j;
        EXPECT_EQ(count[cell], together[at]);
        if (i == j) continue;
        row += conditional[cell];
        EXPECT_NEAR(lift[cell], together[at] * rule.tokens() / (together[i * experts + i] * together[j * experts + j]),
                    1e-12);
        EXPECT_NEAR(excess[cell], together[at] / chance[at], 1e-6);
        if (i < j) EXPECT_NEAR(q[cell], allQ[next++], 1e-6);
      }
      EXPECT_NEAR(row, static_cast<double>(rule.topK - 1), 1e-12) << "A13: rows sum to k - 1";
    }
    const std::vector<double>& linkage = made::array(result, "linkage").values;
    for (std::size_t merge = 0; merge + 1 < experts; ++merge)
      EXPECT_NEAR(linkage[(layer * (experts - 1) + merge) * 4 + 2], of["heights"][merge].get<double>(), 1e-7);
  }
}

TEST_P(Paths, ThePublishedMatrixCountsNeighboursOnly) {
  const Result result = run("paths.coactivation", {{"published", true}});
  const std::vector<double> shares = numbers(expected["published"]["percent"]);
  const auto count = expected["published"]["experts"].size();
  const std::vector<double>& found = made::array(result, "published").values;
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_EQ(made::array(result, "published_expert").values[i], expected["published"]["experts"][i].get<double>());
    for (std::size_t j = 0; j < count; ++j) EXPECT_NEAR(found[i * 16 + j], shares[i * count + j], 1e-9);
  }
  EXPECT_EQ(result.figures.back().name, "published");
}

TEST_P(Paths, TransitionsAreThoseOfNumpy) {
  const Result result = run("paths.transitions");
  const auto cells = static_cast<std::size_t>(rule.experts * rule.experts);
  const std::vector<double> allQ = numbers(expected["transition_q"]);
  for (std::size_t gap = 0; gap < expected["transitions"].size(); ++gap) {
    const std::vector<double> count = numbers(expected["transitions"][gap]["count"]);
    for (std::size_t cell = 0; cell < cells; ++cell) {
      EXPECT_EQ(made::array(result, "count").values[gap * cells + cell], count[cell]);
      EXPECT_NEAR(made::array(result, "q").values[gap * cells + cell], allQ[gap * cells + cell], 1e-7);
    }
    EXPECT_EQ(std::accumulate(count.begin(), count.end(), 0.0),
              static_cast<double>(rule.tokens() * rule.topK * rule.topK))
        << "A13: all pairs sum to N k^2";
    const Array& information = made::array(result, "information");
    EXPECT_NEAR(information.values[gap], expected["transitions"][gap]["information"].get<double>(), 1e-12);
    EXPECT_NEAR(information.baseline[gap], expected["transitions"][gap]["floor"].get<double>(), 1e-12);
  }
  EXPECT_EQ(made::array(result, "to_layer").values.back(), -1);
}

TEST_P(Paths, TransitionsByRankAndOverChosenLayers) {
  const auto cells = static_cast<std::size_t>(rule.experts * rule.experts);
  const Result ranked = run("paths.transitions", {{"reading", "rank"}});
  const std::vector<double> count = numbers(expected["transitions"][0]["ranked"]);
  for (std::size_t cell = 0; cell < cells; ++cell) EXPECT_EQ(made::array(ranked, "count").values[cell], count[cell]);
  const Result skipped = run("paths.transitions", {{"layers", {0, rule.layers - 1}}});
  const std::vector<double> far = numbers(expected["skip"]);
  for (std::size_t cell = 0; cell < cells; ++cell) EXPECT_EQ(made::array(skipped, "count").values[cell], far[cell]);
  EXPECT_EQ(made::array(skipped, "to_layer").values[0], static_cast<double>(rule.layers - 1));
  // Made weights are 1/2 and 1/3: every token carries (5/6)^2.
  const Array weighted = made::array(run("paths.transitions", {{"reading", "weighted"}}), "count");
  EXPECT_NEAR(
      std::accumulate(weighted.values.begin(), weighted.values.begin() + static_cast<std::ptrdiff_t>(cells), 0.0),
      static_cast<double>(rule.tokens()) * 25 / 36, 0.01);
}

TEST_P(Paths, LocalityIsThatOfBruteForce) {
  const Result result = run("paths.locality", {{"lags", 32}, {"simulated", 400}, {"draws", 100}});
  for (std::size_t layer = 0; layer < expected["locality"].size(); ++layer) {
    const Json& of = expected["locality"][layer];
    const auto near = [&](const std::string& name, double value, const Json& wanted) {
      EXPECT_NEAR(value, wanted.get<double>(), 1e-9) << name << " of layer " << layer;
    };
    near("repetition", made::array(result, "repetition").values[layer], of["repetition"]);
    near("chance", made::array(result, "repetition").baseline[layer], of["chance"]);
    near("meeting", made::array(result, "meeting").values[layer], of["meeting"]);
    near("matched", made::array(result, "overlap").baseline[layer * 6], of["matched"]);
    for (std::size_t lag = 0; lag < of["overlap"].size(); ++lag)
      near("overlap", made::array(result, "overlap").values[layer * of["overlap"].size() + lag], of["overlap"][lag]);
    const Array& srp = made::array(result, "srp");
    for (std::size_t which = 0; which < 4; ++which) {
      if (of["srp"][which].is_null()) {
        EXPECT_TRUE(std::isnan(srp.values[layer * 4 + which])) << "documents are shorter";
        continue;
      }
      near("srp", srp.values[layer * 4 + which], of["srp"][which]);
      near("working set", made::array(result, "working_set").values[layer * 4 + which], of["working"][which]);
      EXPECT_GE(srp.values[layer * 4 + which], srp.baseline[layer * 4 + which] - 1e-12) << "A13";
      EXPECT_LE(srp.low[layer * 4 + which], srp.high[layer * 4 + which]);
    }
    // Sizes 2 .. 8 of the axis are those the planner simulates.
    const Axis& sizes = *result.axis("size");
    const std::vector<double>& rate = made::array(result, "hit_rate").values;
    for (std::size_t at = 0; at < sizes.labels.size(); ++at) {
      const auto size = static_cast<std::size_t>(std::stoi(sizes.labels[at]));
      const double* policies = rate.data() + (layer * sizes.labels.size() + at) * 5;
      near("LRU", policies[0], of["lru"][size - 2]);
      near("LFU", policies[1], of["lfu"][size - 2]);
      near("Belady", policies[2], of["belady"][size - 2]);
      near("future", policies[3], of["covered"][size - 1]);
      EXPECT_GE(policies[2], policies[1] - 1e-12) << "nothing beats Belady";
    }
    EXPECT_EQ(rate[(layer * sizes.labels.size() + sizes.labels.size() - 1) * 5], 1) << "A13: all experts in the cache";
  }
}

INSTANTIATE_TEST_SUITE_P(Traces, Paths, ::testing::Values("even", "specialised"));

TEST(PathsFloor, OfInformationIsWhatIndependentLayersShow) {
  const Json& drawn = reference()["independent"];
  const double experts = drawn["experts"], k = drawn["k"], tokens = drawn["tokens"];
  EXPECT_NEAR((experts - k) * (experts - k) / (2 * tokens * k * k), drawn["mean"].get<double>(),
              0.05 * drawn["mean"].get<double>());
}

TEST(PathsLocality, OfConstantRoutingIsComplete) {
  const made::Folder folder("paths-constant");
  const made::Rule rule{.layers = 1, .documents = 4, .tokensPerDocument = 300};
  ASSERT_TRUE(made::writeChosen(folder.path() / "trace", rule, [](auto, auto, auto rank) { return rank; }));
  const auto result = made::analyse("paths.locality", folder.path() / "trace");
  ASSERT_TRUE(result) << result.error().message;
  for (std::size_t which = 0; which < 4; ++which) EXPECT_EQ(made::array(*result, "srp").values[which], 1) << "A13";
  EXPECT_EQ(made::array(*result, "repetition").values[0], 1);
  EXPECT_EQ(made::array(*result, "overlap_mean").values.back(), 1);
  EXPECT_EQ(made::array(*result, "hit_rate_mean").values[0], 1);
  EXPECT_EQ(made::array(*result, "working_set").values[3], 2);
}

TEST(PathsTransitions, RefuseLayersThatAreNotThere) {
  const made::Folder folder("paths-refused");
  ASSERT_TRUE(made::write(folder.path() / "trace", made::Rule{}));
  for (const Json& layers : {Json{0, 2}, Json{1, 0}, Json{1}, Json{"a", 1}, Json{-1, 1}}) {
    const auto result = made::analyse("paths.transitions", folder.path() / "trace", {{"layers", layers}});
    ASSERT_FALSE(result) << layers.dump();
    EXPECT_EQ(result.error().kind, ErrorKind::usage) << layers.dump();
  }
  ASSERT_TRUE(made::write(folder.path() / "single", made::Rule{.layers = 1}));
  EXPECT_EQ(made::analyse("paths.transitions", folder.path() / "single").error().kind, ErrorKind::usage);
  EXPECT_TRUE(made::analyse("paths.coactivation", folder.path() / "single"));
}

TEST(CacheBudget, IsSharedAsWellAsTryingEverythingDoes) {
  const Json& of = reference()["budgets"];
  const auto gain = of["gain"].get<std::vector<std::vector<double>>>();
  const std::vector<std::int64_t> sizes = bestSizes(gain, {1, 1, 1, 1}, of["slots"]);
  double sum = 0;
  std::int64_t spent = 0;
  for (std::size_t layer = 0; layer < gain.size(); ++layer) {
    sum += gain[layer][static_cast<std::size_t>(sizes[layer])];
    spent += sizes[layer];
  }
  EXPECT_LE(spent, of["slots"].get<std::int64_t>());
  EXPECT_NEAR(sum, of["best"].get<double>(), 1e-12);
}

}  // namespace
}  // namespace moescope
