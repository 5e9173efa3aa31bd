// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

namespace moescope {
namespace {

ModelConfig tinyConfig(const std::string& router = "softmax") {
  ModelConfig config{.vocabulary = 11, .hidden = 16, .layers = 2, .length = 16};
  config.attention = {.heads = 2, .keyHeads = 2, .headWidth = 8};
  config.moe = {.experts = 4, .topK = 2, .expertWidth = 8, .router = {.kind = router}};
  return config;
}

// Rows of counted ids; the last row is short, so that parts of a batch hold different numbers of tokens.
Batch counted(std::int64_t rows, std::int64_t length, std::int64_t shortBy = 0) {
  Batch batch{.rows = rows, .length = length};
  for (std::int64_t place = 0; place < rows * length; ++place) {
    const bool real = place < rows * length - shortBy;
    batch.id.push_back(real ? (place * place + 3 * place) % 11 : 0);
    batch.next.push_back(real ? (place * 5 + 1) % 11 : -1);
    batch.real.push_back(real);
  }
  return batch;
}

TEST(Step, PartsOfABatchAddUpToTheWhole) {
  // Without balance loss, which is no mean over tokens; the z-loss is one.
  const Batch batch = counted(8, 16, 5);
  std::vector<std::vector<at::Tensor>> after;
  for (std::int64_t parts : {1, 4}) {
    ModelConfig config = tinyConfig();
    config.moe.router.zLoss = 0.01;
    auto model = Decoder::make(config, 5);
    const TrainingSettings settings{.steps = 10,
                                    .batch = 8,
                                    .length = 16,
                                    .accumulation = parts,
                                    .schedule = {.peak = 1e-3, .steps = 10},
                                    .zLoss = 0.01};
    Stepper stepper(*model, settings);
    for (std::int64_t step = 1; step <= 3; ++step) {
      const auto report = stepper.make(step, batch, {1e-3, 0, 0.01});
      ASSERT_TRUE(report) << report.error().message;
      EXPECT_EQ(report->tokens, 8 * 16 - 5);
      EXPECT_EQ(report->layers[1].tokens, 8 * 16 - 5);
    }
    std::vector<at::Tensor>& values = after.emplace_back();
    for (const NamedTensor& parameter : model->parameters()) values.push_back(parameter.value.detach().clone());
  }
  for (std::size_t i = 0; i < after[0].size(); ++i)
    EXPECT_LT((after[0][i] - after[1][i]).abs().max().item<double>(), 1e-5);
}

TEST(Step, ALiveCoefficientDoesWhatTheConfiguredOneDoes) {
  const Batch batch = counted(4, 16);
  std::vector<at::Tensor> router;
  for (const bool live : {false, true}) {
    ModelConfig config = tinyConfig();
    config.moe.router.balance = live ? 0 : 0.3;
    config.moe.router.zLoss = live ? 0.5 : 0.1;
    auto model = Decoder::make(config, 5);
    const TrainingSettings settings{.steps = 10, .batch = 4, .length = 16, .schedule = {.peak = 1e-3, .steps = 10}};
    Stepper stepper(*model, settings);
    ASSERT_TRUE(stepper.make(1, batch, {1e-3, 0.3, 0.1}));
    for (const NamedTensor& parameter : model->parameters())
      if (parameter.name == "layers.1.router") router.push_back(parameter.value.grad().clone());
  }
  ASSERT_EQ(router.size(), 2u);
  EXPECT_LT((router[0] - router[1]).abs().max().item<double>(), 1e-6);
  EXPECT_GT(router[0].abs().max().item<double>(), 1e-4);
}

TEST(Step, TheBiasOfEveryExpertMovesAgainstItsCount) {
  auto model = Decoder::make(tinyConfig("sigmoid_bias"), 5);
  const TrainingSettings settings{.steps = 10, .batch = 4, .length = 16, .schedule = {.peak = 1e-3, .steps = 10}};
  Stepper stepper(*model, settings);
  const auto report = stepper.make(1, counted(4, 16, 7), {1e-3, 0, 0});
  ASSERT_TRUE(report) << report.error().message;
  ASSERT_EQ(model->buffers().size(), 2u);
  for (std::size_t layer = 0; layer < 2; ++layer) {
    const std::vector<std::int64_t>& chosen = report->layers[layer].chosen;
    std::int64_t sum = 0;
    for (std::size_t e = 0; e < 4; ++e) sum += chosen[e];
    EXPECT_EQ(sum, 2 * (4 * 16 - 7));
    for (std::size_t e = 0; e < 4; ++e) {
      const double expected = 4 * chosen[e] < sum ? 1e-3 : 4 * chosen[e] > sum ? -1e-3 : 0;
      EXPECT_NEAR(model->buffers()[layer].value[std::int64_t(e)].item<double>(), expected, 1e-9);
    }
  }
}

TEST(Step, ARouterThatIsNotFiniteIsNamedBeforeAnythingChanges) {
  auto model = Decoder::make(tinyConfig(), 5);
  const TrainingSettings settings{.steps = 10, .batch = 4, .length = 16, .schedule = {.peak = 1e-3, .steps = 10}};
  Stepper stepper(*model, settings);
  at::Tensor other;
  {
    at::NoGradGuard quiet;
    for (NamedTensor& parameter : model->parameters()) {
      if (parameter.name == "layers.1.router") parameter.value[2][3] = std::nan("");
      if (parameter.name == "layers.0.router") other = parameter.value;
    }
  }
  const at::Tensor before = other.detach().clone();
  const auto report = stepper.make(6, counted(4, 16), {1e-3, 0, 0});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind, ErrorKind::usage);
  EXPECT_NE(report.error().message.find("MoE layer 1 (block 1)"), std::string::npos) << report.error().message;
  EXPECT_NE(report.error().message.find("step 6"), std::string::npos);
  EXPECT_TRUE(before.equal(other));
}

// One parameter, one gradient: m = (1-b1) g, v = (1-b2) g^2, both corrected, so the first step is lr * sign(g) whatever
// g is, after decay by lr * decay.
TEST(AdamW, TheFirstStepIsTheRateAndDecayIsDecoupled) {
  const auto parameter = [](std::vector<float> values) {
    return at::tensor(values).view({2, 1}).set_requires_grad(true);
  };
  at::Tensor decayed = parameter({1, -2}), kept = parameter({1, -2});
  AdamW optimiser(parameterGroups(std::vector<NamedTensor>{{"a", decayed, Group::dense}, {"r", kept, Group::router}},
                                  {.decay = 0.5, .routerRate = 2}),
                  {});
  decayed.mutable_grad() = at::tensor(std::vector<float>{3, -0.01f}).view({2, 1});
  kept.mutable_grad() = at::tensor(std::vector<float>{3, -0.01f}).view({2, 1});
  EXPECT_NEAR(optimiser.clip(0), std::sqrt(2 * (9 + 1e-4)), 1e-5);
  optimiser.step(0.1);
  EXPECT_NEAR(decayed[0].item<double>(), 1 * (1 - 0.05) - 0.1, 1e-5);
  EXPECT_NEAR(decayed[1].item<double>(), -2 * (1 - 0.05) + 0.1, 1e-5);
  EXPECT_NEAR(kept[0].item<double>(), 1 - 0.2, 1e-5);
  EXPECT_NEAR(optimiser.clip(1), std::sqrt(2 * (9 + 1e-4)), 1e-5);
  EXPECT_NEAR(optimiser.clip(0), 1, 1e-5);
}

TEST(AdamW, AParameterWithoutAGradientIsLeftAlone) {
  at::Tensor still = at::ones({2, 2}).set_requires_grad(true);
  AdamW optimiser(parameterGroups(std::vector<NamedTensor>{{"a", still, Group::expert}}, {}), {});
  optimiser.step(1);
  EXPECT_TRUE(still.equal(at::ones({2, 2})));
}

}  // namespace
}  // namespace moescope
