// SPDX-License-Identifier: GPL-3.0-or-later
#include <cmath>
#include <numeric>

#include "core/analysis/loss_correlation.h"
#include "core/analysis/token_confidence.h"
#include "core/result/drawing.h"
#include "tests/analysis/load_oracle.h"

namespace moescope {
namespace {

using made::array;

TEST(RouterConfidence, AgreesWithTheOtherImplementation) {
  const made::Folder folder("confidence");
  const made::Rule rule = made::oracleRule();
  ASSERT_TRUE(made::writeOracle(folder.path() / "t", rule));
  auto result = made::analyse("router.confidence", folder.path() / "t",
                              {{"sigmas", made::loadOracle()["sigmas"]}, {"draws", 200}}, 2);
  ASSERT_TRUE(result) << result.error().message;
  const Json& expected = made::loadOracle()["confidence"];
  for (const char* name : {"entropy", "top_k_mass", "probability_gap", "margin", "margin_score", "overruled",
                           "logit_scale", "fragility_bf16"}) {
    made::expectLayers(array(*result, name), expected, name, 1e-6);
    if (std::string(name) == "fragility_bf16") continue;
    EXPECT_LT(array(*result, name).low[0], array(*result, name).values[0]) << name;
    EXPECT_GT(array(*result, name).high[0], array(*result, name).values[0]) << name;
  }
  made::expectLayers(array(*result, "entropy_by_domain"), expected, "entropy_by_domain", 1e-9);
  made::expectLayers(array(*result, "probability_curve"), expected, "curve", 1e-9);
  for (std::size_t layer = 0; layer < 2; ++layer) {
    for (std::size_t sigma = 0; sigma < 2; ++sigma) {
      const double share = expected[layer]["fragility"][sigma];
      // Two samples of 1500 tokens each.
      EXPECT_NEAR(array(*result, "fragility").values[layer * 2 + sigma], share,
                  5 * std::sqrt(2 * share * (1 - share) / 1500));
    }
    const Array& rho = array(*result, "loss_correlation");
    EXPECT_NEAR(rho.values[layer * 3], expected[layer]["entropy_rho"].get<double>(), 0.005);
    EXPECT_NEAR(rho.values[layer * 3 + 1], expected[layer]["margin_rho"].get<double>(), 0.005);
    EXPECT_TRUE(std::isnan(rho.values[layer * 3 + 2]));  // every token has the same weights
    // Nothing relates the made losses to anything.
    EXPECT_LT(rho.low[layer * 3], 0.03);
    EXPECT_GT(rho.high[layer * 3], -0.06);
    // Weights 1/2 and 1/3 are shares 0.6 and 0.4.
    EXPECT_NEAR(array(*result, "weight_gap").values[layer], 0.2, 1e-7);
    EXPECT_NEAR(array(*result, "weight_entropy").values[layer],
                -(0.6 * std::log(0.6) + 0.4 * std::log(0.4)) / std::log(2.0), 1e-7);
    EXPECT_NEAR(array(*result, "weight_curve").values[layer * 2], 0.6, 1e-7);
  }
}

TEST(RouterConfidence, HistogramsHoldEveryToken) {
  const made::Folder folder("confidence-histograms");
  ASSERT_TRUE(made::writeOracle(folder.path() / "t", made::oracleRule()));
  auto result = made::analyse("router.confidence", folder.path() / "t", {{"draws", 0}});
  ASSERT_TRUE(result) << result.error().message;
  for (const char* name : {"entropy_histogram", "margin_histogram"}) {
    const Array& histogram = array(*result, name);
    EXPECT_NEAR(std::accumulate(histogram.values.begin(), histogram.values.end(), 0.0), 2, 1e-9) << name;
  }
}

TEST(RouterConfidence, NumbersDoNotDependOnThreads) {
  const made::Folder folder("confidence-threads");
  ASSERT_TRUE(made::writeOracle(folder.path() / "t", made::oracleRule()));
  auto one = made::analyse("router.confidence", folder.path() / "t", {{"draws", 50}}, 1),
       four = made::analyse("router.confidence", folder.path() / "t", {{"draws", 50}}, 4);
  ASSERT_TRUE(one);
  ASSERT_TRUE(four);
  for (const char* name : {"entropy", "margin", "fragility", "loss_correlation"}) {
    EXPECT_EQ(array(*one, name).values.front(), array(*four, name).values.front());
    ASSERT_EQ(array(*one, name).low.size(), array(*four, name).low.size());
    if (!array(*one, name).low.empty()) EXPECT_EQ(array(*one, name).low.front(), array(*four, name).low.front());
  }
}

TEST(RouterConfidence, OfWeightsAloneSaysWhatIsNotThere) {
  const made::Folder folder("confidence-weights");
  ASSERT_TRUE(made::write(folder.path() / "t", made::Rule{}));
  auto result = made::analyse("router.confidence", folder.path() / "t", {{"draws", 0}});
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->array("entropy"), nullptr);
  EXPECT_NEAR(array(*result, "weight_gap").values[0], 0.2, 1e-7);
  for (const Figure& figure : made::operation("router.confidence").describe().figures) {
    auto drawing = draw(*result, figure, {});
    ASSERT_TRUE(drawing) << figure.name << ": " << drawing.error().message;
    if (figure.name == "entropy" || figure.name == "loss") {
      EXPECT_NE(drawing->empty.find("capture it again"), std::string::npos) << figure.name;
    }
  }
}

TEST(RouterConfidence, RefusesWhatIsWrong) {
  const made::Folder folder("confidence-wrong");
  ASSERT_TRUE(made::writeOracle(folder.path() / "t", made::oracleRule()));
  for (const Json& sigmas : {Json{0}, Json{-1}, Json{"much"}}) {
    auto result = made::analyse("router.confidence", folder.path() / "t", {{"sigmas", sigmas}});
    ASSERT_FALSE(result) << sigmas.dump();
    EXPECT_EQ(result.error().kind, ErrorKind::usage);
  }
  Inputs in = made::inputs(folder.path() / "t");
  in.add("model", Artifact{.id = std::string(64, 'f'), .kind = Kind::model, .path = folder.path()});
  auto other = made::analyse("router.confidence", in, folder.path(), Json::object(), 1);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().kind, ErrorKind::usage);
}

TEST(TokenConfidence, OfClosedForms) {
  // Two experts of four share everything: H = ln 2, half of ln 4.
  TraceChunk::Layer layer{.expert = {0, 1}, .weight = {0.5f, 0.5f}, .logit = {50, 50, 0, 0}};
  const LayerConfidence confidence = layerConfidence(layer, 2, {}, 4, 4, 1);
  const TokenConfidence& token = confidence.tokens.front();
  EXPECT_TRUE(token.known);
  EXPECT_NEAR(token.entropy, 0.5, 1e-9);
  EXPECT_NEAR(token.mass, 1, 1e-12);
  EXPECT_NEAR(token.gap, 0, 1e-12);
  EXPECT_EQ(token.margin, 50);
  EXPECT_NEAR(token.marginScore, 0.5, 1e-9);
  EXPECT_EQ(token.scale, 25);
  EXPECT_NEAR(confidence.sorted[0], 0.5, 1e-9);
  // Chosen against the logits: as far below.
  layer.expert = {2, 3};
  EXPECT_EQ(layerConfidence(layer, 2, {}, 4, 4, 1).tokens.front().margin, -50);
  layer.logit[1] = NAN;
  EXPECT_FALSE(layerConfidence(layer, 2, {}, 4, 4, 1).tokens.front().known);
}

TEST(TokenConfidence, BiasDecidesTheSelectionAlone) {
  // Sigmoid scores 0.5, 0.5, sigma(1), sigma(1); the bias puts expert 0 on top.
  const TraceChunk::Layer layer{.expert = {0, 2}, .weight = {0.4f, 0.6f}, .logit = {0, 0, 1, 1}};
  const SelectionRule rule{.sigmoid = true, .bias = {0.5f, 0, 0.1f, 0}};
  const TokenConfidence token = layerConfidence(layer, 2, rule, 4, 4, 1).tokens.front();
  const double high = 1 / (1 + std::exp(-1.0));
  EXPECT_EQ(token.margin, -1);
  EXPECT_NEAR(token.marginSelection, high + 0.1 - high, 1e-7);
  EXPECT_NEAR(token.entropy * std::log(4.0),
              -2 * (0.5 * std::log(0.5 / (1 + 2 * high)) + high * std::log(high / (1 + 2 * high))) / (1 + 2 * high),
              1e-9);
}

TEST(TokenConfidence, FragilityIsOfTheBoundaryAlone) {
  const std::vector<float> logit{4, 3, 2, 1};
  // Noise that swaps ranks 1 and 2 within the chosen changes nothing; across the boundary it does.
  EXPECT_EQ(fragility({}, logit, 2, std::vector<double>{1}, std::vector<double>{0, 3, 0, 0}).noisy,
            (std::vector<bool>{false}));
  EXPECT_EQ(fragility({}, logit, 2, std::vector<double>{0.1, 1}, std::vector<double>{0, 0, 2, 0}).noisy,
            (std::vector<bool>{false, true}));
  // 1.001 and 1.002 are one number in bfloat16, and the tie goes to the smaller expert.
  EXPECT_TRUE(fragility({}, std::vector<float>{1.001f, 1.002f}, 1, {}, {}).rounded);
  EXPECT_FALSE(fragility({}, std::vector<float>{1.002f, 1.001f}, 1, {}, {}).rounded);
}

TEST(LossCorrelation, OfWhatRisesTogetherIsOne) {
  std::vector<float> measure, loss;
  std::vector<std::uint32_t> document;
  for (int at = 0; at < 1000; ++at) {
    measure.push_back(static_cast<float>(at));
    loss.push_back(static_cast<float>(at * at));
    document.push_back(static_cast<std::uint32_t>(at / 50));
  }
  loss[7] = NAN;
  auto up = correlateWithLoss(measure, loss, document, 20, {.count = 50}, [](double) { return true; });
  ASSERT_TRUE(up);
  EXPECT_NEAR(up->rho, 1, 1e-9);
  EXPECT_NEAR(up->interval.low, 1, 1e-9);
  EXPECT_LT(up->lossByDecile[0], up->lossByDecile[9]);
  for (float& value : loss) value = -value;
  auto down = correlateWithLoss(measure, loss, document, 20, {.count = 0}, [](double) { return true; });
  ASSERT_TRUE(down);
  EXPECT_NEAR(down->rho, -1, 1e-3);  // 999 tokens do not fill 100 bins alike
  EXPECT_TRUE(std::isnan(down->interval.low));
}

}  // namespace
}  // namespace moescope
