// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <numeric>

#include "core/analysis/batch_load.h"
#include "core/analysis/capacity_simulation.h"
#include "core/analysis/load_metrics.h"
#include "core/result/drawing.h"
#include "tests/analysis/load_oracle.h"

namespace moescope {
namespace {

using made::array;

TEST(LoadBalance, BatchesRanksAndLossesAgreeWithTheOtherImplementation) {
  const made::Folder folder("balance-batches");
  ASSERT_TRUE(made::writeOracle(folder.path() / "t", made::oracleRule()));
  const Json& expected = made::loadOracle()["balance"];
  auto result = made::analyse("load.balance", folder.path() / "t",
                              {{"batch", made::loadOracle()["batch"]}, {"ranks", made::loadOracle()["ranks"]}});
  ASSERT_TRUE(result) << result.error().message;
  for (const char* name :
       {"max_violation_batch", "max_violation_worst", "imbalance_static", "imbalance_dynamic", "balancedness",
        "rank_overload", "balancedness_batch", "rank_load", "lbl", "lbl_slots", "lbl_batch", "z_loss",
        "utilisation_bound", "max_over_mean", "min_over_mean", "kl_uniform", "effective_experts_2"})
    made::expectLayers(array(*result, name), expected, name);
  EXPECT_NEAR(array(*result, "lbl_hf").values[0], made::loadOracle()["lbl_hf"].get<double>(), 1e-9);
  for (const char* name : {"balancedness", "lbl", "z_loss"}) {
    const Array& of = array(*result, name);
    for (std::size_t layer = 0; layer < of.values.size(); ++layer) {
      EXPECT_LT(of.low[layer], of.values[layer]) << name;
      EXPECT_GT(of.high[layer], of.values[layer]) << name;
    }
  }
  EXPECT_EQ(result->facts.count("unavailable"), 0u) << result->facts.dump();
}

TEST(LoadBalance, HistogramOfLogSumExpHoldsEveryToken) {
  const made::Folder folder("balance-z");
  const made::Rule rule = made::oracleRule();
  ASSERT_TRUE(made::writeOracle(folder.path() / "t", rule));
  auto result = made::analyse("load.balance", folder.path() / "t", {{"draws", 0}});
  ASSERT_TRUE(result) << result.error().message;
  const Array& histogram = array(*result, "z_histogram");
  const std::vector<std::string>& edges = result->axis("z")->labels;
  for (std::int64_t layer = 0; layer < rule.layers; ++layer) {
    // The oracle's bins are of the same width over [-8, 8).
    for (std::size_t bin = 0; bin < edges.size(); ++bin) {
      const auto at = static_cast<std::size_t>(std::lround((std::stod(edges[bin]) + 8) / 0.125));
      EXPECT_NEAR(histogram.values[layer * edges.size() + bin] * static_cast<double>(rule.tokens()),
                  made::loadOracle()["balance"][layer]["z"][at].get<double>(), 1e-9);
    }
  }
}

// A13: round robin is balanced in every batch, and all of it stands still.
TEST(LoadBalance, OfRoundRobinHasNoImbalanceOfEitherKind) {
  const made::Folder folder("balance-round");
  const made::Rule rule{.layers = 2, .experts = 8, .topK = 2, .documents = 8, .tokensPerDocument = 64};
  ASSERT_TRUE(
      made::writeChosen(folder.path() / "t", rule, [](auto, auto token, auto rank) { return (2 * token + rank) % 8; }));
  auto result = made::analyse("load.balance", folder.path() / "t", {{"batch", 64}, {"ranks", 2}});
  ASSERT_TRUE(result) << result.error().message;
  for (const char* name : {"max_violation_batch", "max_violation_worst", "imbalance_static", "imbalance_dynamic"})
    for (double value : array(*result, name).values) EXPECT_NEAR(value, 0, 1e-12) << name;
  for (const char* name : {"balancedness", "rank_overload", "balancedness_batch", "max_over_mean", "min_over_mean"})
    for (double value : array(*result, name).values) EXPECT_NEAR(value, 1, 1e-12) << name;
}

// Each batch of 32 tokens goes to one of 8 experts: even over the trace, and as uneven as can be in every batch.
TEST(LoadBalance, TellsStaticFromDynamicImbalance) {
  const made::Folder folder("balance-dynamic");
  const made::Rule rule{.layers = 2, .experts = 8, .topK = 1, .documents = 8, .tokensPerDocument = 32};
  ASSERT_TRUE(made::writeChosen(folder.path() / "t", rule,
                                [](auto layer, auto token, auto) { return layer == 0 ? token / 32 : 3; }));
  auto result = made::analyse("load.balance", folder.path() / "t", {{"batch", 32}});
  ASSERT_TRUE(result) << result.error().message;
  const std::vector<double>&standing = array(*result, "imbalance_static").values,
        &changing = array(*result, "imbalance_dynamic").values;
  EXPECT_NEAR(standing[0], 0, 1e-12);
  EXPECT_NEAR(changing[0], 7, 1e-12);  // E / k - 1
  EXPECT_NEAR(standing[1], 7, 1e-12);
  EXPECT_NEAR(changing[1], 0, 1e-12);
  EXPECT_NEAR(array(*result, "max_violation").values[0], 0, 1e-12);
  EXPECT_NEAR(array(*result, "max_violation_batch").values[0], 7, 1e-12);
  // The floors are those of chance: CV^2 = (E - k) / (N k) of a batch, the part within experts less 1/batches of it.
  EXPECT_NEAR(array(*result, "imbalance_dynamic").baseline[0], 7.0 / 32 * (1 - 1.0 / 8), 1e-12);
  EXPECT_NEAR(array(*result, "imbalance_static").baseline[0], 7.0 / 256, 1e-12);
}

TEST(LoadBalance, BoundsWhatFewTokensCannotTell) {
  const made::Folder folder("balance-bound");
  const made::Rule rule{.layers = 1, .experts = 64, .topK = 1, .documents = 2, .tokensPerDocument = 50};
  ASSERT_TRUE(made::writeChosen(folder.path() / "t", rule, [](auto, auto token, auto) { return token % 4; }));
  auto result = made::analyse("load.balance", folder.path() / "t", {{"draws", 0}});
  ASSERT_TRUE(result) << result.error().message;
  // 100 tokens without one to expert 9: its rate is below 1 - 0.05^(1/100), 1.89 times the fair 1/64.
  EXPECT_NEAR(array(*result, "utilisation_bound").values[9], 64 * (1 - std::pow(0.05, 0.01)), 1e-9);
  EXPECT_EQ(array(*result, "dead").values[0], 60);
  EXPECT_EQ(array(*result, "surely_cold").values[0], 0);
}

TEST(LoadBalance, LorenzCurveGivesTheGini) {
  const std::vector<double> counts{5, 0, 3, 12, 0, 7};
  const std::vector<double> curve = lorenzCurve(counts, counts.size() + 1);
  EXPECT_EQ(curve.front(), 0);
  EXPECT_NEAR(curve.back(), 1, 1e-12);
  double area = 0;
  for (std::size_t at = 1; at < curve.size(); ++at) area += (curve[at] + curve[at - 1]) / 2 / 6;
  double gini = 0;
  for (const LoadMetric& metric : loadMetrics())
    if (metric.name == "gini") gini = metric.of(counts);
  EXPECT_NEAR(1 - 2 * area, gini, 1e-12);
  EXPECT_NEAR(lorenzCurve(counts, 13)[6], curve[3], 1e-12);
}

TEST(LoadBalance, BiasCorrectionMovesIntervalsOffTheFloor) {
  const made::Folder folder("balance-bca");
  ASSERT_TRUE(made::writeOracle(folder.path() / "t", made::oracleRule()));
  auto plain = made::analyse("load.balance", folder.path() / "t", {{"batch", 0}, {"draws", 2000}}),
       corrected =
           made::analyse("load.balance", folder.path() / "t", {{"batch", 0}, {"draws", 2000}, {"interval", "bca"}});
  ASSERT_TRUE(plain);
  ASSERT_TRUE(corrected);
  // Resampling adds unevenness; the correction takes it out again.
  EXPECT_LT(array(*corrected, "cv").low[0], array(*plain, "cv").low[0]);
  EXPECT_LT(array(*corrected, "cv").high[0], array(*plain, "cv").high[0]);
}

TEST(LoadBalance, SaysWhatATraceCannotTell) {
  const made::Folder folder("balance-missing");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{}));
  auto result = made::analyse("load.balance", folder.path() / "t", {{"draws", 0}});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->array("z_loss"), nullptr);
  for (const Figure& figure : made::operation("load.balance").describe().figures) {
    auto drawing = draw(*result, figure, {});
    ASSERT_TRUE(drawing) << figure.name << ": " << drawing.error().message;
    if (figure.name == "z_loss") {
      EXPECT_NE(drawing->empty.find("logits=true"), std::string::npos) << drawing->empty;
    }
    if (figure.name == "ranks") {
      EXPECT_NE(drawing->empty.find("ranks"), std::string::npos) << drawing->empty;
    }
    if (figure.name == "load") {
      EXPECT_TRUE(drawing->empty.empty());
      EXPECT_NE(drawing->caption.find("600 tokens, 12 documents"), std::string::npos) << drawing->caption;
    }
  }
  auto wrong = made::analyse("load.balance", folder.path() / "t", {{"ranks", 3}});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::usage);
  EXPECT_NE(wrong.error().message.find("divisor of 8"), std::string::npos) << wrong.error().message;
}

TEST(LoadTime, WindowsAgreeWithTheOtherImplementation) {
  const made::Folder folder("time");
  ASSERT_TRUE(made::writeOracle(folder.path() / "t", made::oracleRule()));
  auto result = made::analyse("load.time", folder.path() / "t", {{"bins", 7}});
  ASSERT_TRUE(result) << result.error().message;
  const Array &cumulative = array(*result, "cumulative"), &cv = array(*result, "cv");
  EXPECT_EQ(cumulative.axes, (std::vector<std::string>{"bin", "layer", "expert"}));
  for (std::size_t layer = 0; layer < 2; ++layer) {
    const Json& of = made::loadOracle()["time"][layer];
    for (std::size_t bin = 0; bin < 7; ++bin) {
      EXPECT_EQ(result->axis("bin")->labels[bin], std::to_string(of["ends"][bin].get<int>()));
      EXPECT_NEAR(cv.values[bin * 2 + layer], of["cv"][bin].get<double>(), 1e-10);
      for (std::size_t e = 0; e < 8; ++e)
        EXPECT_EQ(cumulative.values[(bin * 2 + layer) * 8 + e], of["cumulative"][bin][e].get<double>());
    }
  }
  // Floors are those of a window's 214 tokens.
  EXPECT_NEAR(cv.baseline[0], std::sqrt(6.0 / (214 * 2)), 1e-12);
}

TEST(LoadTime, LastWindowHoldsTheWholeTraceWhateverTheFilter) {
  const made::Folder folder("time-filter");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{.layers = 2, .paddedEnds = true}));
  for (const Json& set : {Json::object(), Json{{"domains", {"domain 1"}}}, Json{{"classes", {"beginning"}}}}) {
    Json bins = set, draws = set;
    bins["bins"] = 5;
    draws["draws"] = 0;
    auto time = made::analyse("load.time", folder.path() / "t", bins),
         whole = made::analyse("load.balance", folder.path() / "t", draws);
    ASSERT_TRUE(time) << time.error().message;
    ASSERT_TRUE(whole) << whole.error().message;
    const std::vector<double>&cumulative = array(*time, "cumulative").values, &count = array(*whole, "count").values;
    EXPECT_EQ(std::vector<double>(cumulative.end() - static_cast<std::ptrdiff_t>(count.size()), cumulative.end()),
              count);
    EXPECT_EQ(time->facts["tokens"], whole->facts["tokens"]);
  }
}

TEST(LoadTime, RefusesMoreCellsThanItCanHold) {
  const made::Folder folder("time-large");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{.layers = 40, .experts = 256, .documents = 1}));
  auto result = made::analyse("load.time", folder.path() / "t", {{"bins", 4096}});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().kind, ErrorKind::usage);
}

TEST(LoadCapacity, AgreesWithTheOtherImplementation) {
  const made::Folder folder("capacity");
  ASSERT_TRUE(made::writeOracle(folder.path() / "t", made::oracleRule()));
  for (const auto& [name, layers] : made::loadOracle()["capacity"].items()) {
    const std::size_t space = name.find(' ');
    auto result = made::analyse("load.capacity", folder.path() / "t",
                                {{"factors", made::loadOracle()["factors"]},
                                 {"priority", name.substr(0, space)},
                                 {"group", std::stoi(name.substr(space + 1))},
                                 {"draws", 200}});
    ASSERT_TRUE(result) << result.error().message;
    const Array &rate = array(*result, "drop_rate"), &lost = array(*result, "token_loss"),
                &position = array(*result, "drop_by_position");
    for (std::size_t factor = 0; factor < 3; ++factor)
      for (std::size_t layer = 0; layer < 2; ++layer) {
        const Json& of = layers[layer][factor];
        const std::size_t cell = factor * 2 + layer;
        EXPECT_NEAR(rate.values[cell], of["rate"].get<double>(), 1e-12) << name;
        EXPECT_NEAR(lost.values[cell], of["lost"].get<double>(), 1e-12) << name;
        EXPECT_LE(rate.low[cell], rate.values[cell]);
        EXPECT_GE(rate.high[cell], rate.values[cell]);
        EXPECT_LT(rate.baseline[cell], rate.values[cell]) << name;  // the experts are not alike
        for (std::size_t decile = 0; decile < 10; ++decile)
          EXPECT_NEAR(position.values[cell * 10 + decile], of["position"][decile].get<double>(), 1e-12) << name;
      }
  }
}

TEST(LoadCapacity, OfRoundRobinDropsNothingAndOfACollapseNearlyAll) {
  const made::Folder folder("capacity-ends");
  const made::Rule rule{.layers = 2, .experts = 8, .topK = 2, .documents = 4, .tokensPerDocument = 64};
  ASSERT_TRUE(made::writeChosen(folder.path() / "t", rule, [](auto layer, auto token, auto rank) {
    return layer == 0 ? (2 * token + rank) % 8 : rank;
  }));
  auto result = made::analyse("load.capacity", folder.path() / "t", {{"factors", {1, 2}}});
  ASSERT_TRUE(result) << result.error().message;
  const std::vector<double>& rate = array(*result, "drop_rate").values;
  EXPECT_EQ(rate[0], 0);
  EXPECT_NEAR(rate[1], 1 - 2.0 / 8, 1e-12);      // two experts with a fair share of places each
  EXPECT_NEAR(rate[3], 1 - 2 * 2.0 / 8, 1e-12);  // twice as many
  const std::vector<double>& position = array(*result, "drop_by_position").values;
  EXPECT_EQ(position[10], 0);      // factor 1, layer 1: the first tenth finds room
  EXPECT_EQ(position[10 + 9], 1);  // the last does not
  EXPECT_EQ(array(*result, "dropped_observed").values, (std::vector<double>{0, 0}));
}

TEST(LoadCapacity, FloorIsWhatBalancedRoutingDrops) {
  const made::Folder folder("capacity-floor");
  const made::Rule rule{.layers = 1, .experts = 16, .topK = 2, .documents = 60, .tokensPerDocument = 64};
  ASSERT_TRUE(made::write(folder.path() / "t", rule));  // no preference: experts at random
  auto result = made::analyse("load.capacity", folder.path() / "t");
  ASSERT_TRUE(result) << result.error().message;
  const Array& rate = array(*result, "drop_rate");
  for (std::size_t factor = 0; factor < 3; ++factor)
    EXPECT_NEAR(rate.values[factor], rate.baseline[factor], 0.1 * rate.baseline[factor] + 0.002) << factor;
}

TEST(LoadCapacity, NamesWhatIsWrong) {
  const made::Folder folder("capacity-wrong");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{}));
  for (const Json& factors : {Json::array(), Json{0}, Json{-1}, Json{"one"}, Json{2, 1}, Json{1, 1}}) {
    auto result = made::analyse("load.capacity", folder.path() / "t", {{"factors", factors}});
    ASSERT_FALSE(result) << factors.dump();
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
  }
}

}  // namespace
}  // namespace moescope
