// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/attention.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace moescope {
namespace {

constexpr std::int64_t length = 11, hidden = 6, heads = 2, width = 4;

AttentionConfig plain() {
  AttentionConfig config;
  config.heads = config.keyHeads = heads;
  config.headWidth = width;
  config.rope = RopeKind::none;
  return config;
}

struct Sample {
  AttentionWeights weights;
  at::Tensor x;
};

Sample sample() {
  at::manual_seed(5);
  const auto matrix = [](std::int64_t rows, std::int64_t columns) { return at::randn({rows, columns}); };
  Sample made{{}, at::randn({1, length, hidden})};
  made.weights.query = matrix(heads * width, hidden);
  made.weights.key = matrix(heads * width, hidden);
  made.weights.value = matrix(heads * width, hidden);
  made.weights.output = at::eye(heads * width);  // so that the heads themselves come out
  return made;
}

// Attention by its definition, one score at a time: `sees` says which earlier tokens count.
template <class Sees>
at::Tensor byHand(const Sample& sample, const std::vector<double>& sinks, double scale, Sees sees) {
  const at::Tensor query = at::linear(sample.x, sample.weights.query)[0].to(at::kDouble),
                   key = at::linear(sample.x, sample.weights.key)[0].to(at::kDouble),
                   value = at::linear(sample.x, sample.weights.value)[0].to(at::kDouble);
  at::Tensor result = at::zeros({length, heads * width}, at::kDouble);
  for (std::int64_t head = 0; head < heads; ++head)
    for (std::int64_t i = 0; i < length; ++i) {
      double sum = sinks.empty() ? 0 : std::exp(sinks[static_cast<std::size_t>(head)]);
      at::Tensor mixed = at::zeros({width}, at::kDouble);
      for (std::int64_t j = 0; j <= i; ++j) {
        if (!sees(i, j)) continue;
        const auto part = [&](const at::Tensor& all, std::int64_t row) {
          return all[row].narrow(0, head * width, width);
        };
        const double weight = std::exp(scale * part(query, i).dot(part(key, j)).item().toDouble());
        sum += weight;
        mixed.add_(part(value, j), weight);
      }
      result[i].narrow(0, head * width, width).copy_(mixed.div(sum));
    }
  return result;
}

double difference(const at::Tensor& found, const at::Tensor& expected) {
  return found[0].to(at::kDouble).sub(expected).abs().max().item<double>();
}

TEST(Attention, ASlidingWindowSeesAsManyTokensAsItSays) {
  AttentionConfig config = plain();
  config.span = AttentionSpan::sliding;
  config.window = 3;
  const Sample made = sample();
  const auto sees = [](std::int64_t i, std::int64_t j) { return i - j < 3; };
  EXPECT_LT(difference(attend(made.x, made.weights, config, 1e-6, {}), byHand(made, {}, 0.5, sees)), 1e-5);
}

TEST(Attention, AChunkSeesNothingBeforeIt) {
  AttentionConfig config = plain();
  config.span = AttentionSpan::chunked;
  config.window = 4;
  const Sample made = sample();
  const auto sees = [](std::int64_t i, std::int64_t j) { return i / 4 == j / 4; };
  EXPECT_LT(difference(attend(made.x, made.weights, config, 1e-6, {}), byHand(made, {}, 0.5, sees)), 1e-5);
}

TEST(Attention, SinksTakeTheirShareAndGiveNothing) {
  AttentionConfig config = plain();
  config.sinks = true;
  Sample made = sample();
  made.weights.sinks = at::tensor({1.5f, -0.5f});
  const auto all = [](std::int64_t, std::int64_t) { return true; };
  EXPECT_LT(difference(attend(made.x, made.weights, config, 1e-6, {}), byHand(made, {1.5, -0.5}, 0.5, all)), 1e-5);
  config.span = AttentionSpan::sliding;
  config.window = 2;
  const auto two = [](std::int64_t i, std::int64_t j) { return i - j < 2; };
  EXPECT_LT(difference(attend(made.x, made.weights, config, 1e-6, {}), byHand(made, {1.5, -0.5}, 0.5, two)), 1e-5);
}

TEST(Attention, SinksGetTheGradientOfTheirShare) {
  AttentionConfig config = plain();
  config.sinks = true;
  Sample made = sample();
  const auto objective = [&](const at::Tensor& sinks) {
    made.weights.sinks = sinks;
    return attend(made.x, made.weights, config, 1e-6, {}).square().sum();
  };
  const at::Tensor sinks = at::tensor({0.5f, -0.25f}).set_requires_grad(true);
  objective(sinks).backward();
  for (std::int64_t head = 0; head < heads; ++head) {
    at::Tensor step = at::zeros({2});
    step[head] = 1e-2;
    const double slope =
        (objective(sinks.detach().add(step)).item<double>() - objective(sinks.detach().sub(step)).item<double>()) /
        2e-2;
    EXPECT_NEAR(sinks.grad()[head].item<double>(), slope, 1e-2 * std::abs(slope) + 1e-3);
  }
}

TEST(Attention, AScaleOfItsOwnReplacesThatOfTheWidth) {
  AttentionConfig config = plain();
  config.scoreScale = 0.125;
  const Sample made = sample();
  const auto all = [](std::int64_t, std::int64_t) { return true; };
  EXPECT_LT(difference(attend(made.x, made.weights, config, 1e-6, {}), byHand(made, {}, 0.125, all)), 1e-5);
}

TEST(Attention, TheTemperatureGrowsInStepsOfItsFloor) {
  AttentionConfig config = plain();
  const Sample made = sample();
  const at::Tensor before = attend(made.x, made.weights, config, 1e-6, {});
  config.temperature = 0.3;
  config.temperatureFloor = 4;
  const at::Tensor after = attend(made.x, made.weights, config, 1e-6, {});
  EXPECT_TRUE(at::allclose(before.slice(1, 0, 3), after.slice(1, 0, 3), 1e-5, 1e-6)) << "positions 0 to 2";
  config.temperature = 0;
  config.scoreScale = 0.5 * (1 + 0.3 * std::log1p(1));
  const at::Tensor scaled = attend(made.x, made.weights, config, 1e-6, {});
  EXPECT_TRUE(at::allclose(scaled.slice(1, 3, 7), after.slice(1, 3, 7), 1e-4, 1e-5)) << "positions 3 to 6";
}

class Rotary : public testing::Test {
 protected:
  Rotary() {
    config.headWidth = 8;
    config.ropeTheta = 10000;
  }
  at::Tensor cosine(std::int64_t tokens = 40) const { return makeRotaryTable(tokens, config, at::kCPU).cosine; }
  // The angle of dimension i at position p is p f.
  void expectFrequencies(const std::vector<double>& frequencies, double amplitude = 1, std::int64_t tokens = 40) const {
    const RotaryTable table = makeRotaryTable(tokens, config, at::kCPU);
    for (std::size_t i = 0; i < frequencies.size(); ++i)
      for (std::int64_t p : {std::int64_t{0}, std::int64_t{1}, tokens - 1}) {
        const double angle = static_cast<double>(p) * frequencies[i];
        const auto at = static_cast<std::int64_t>(i);
        EXPECT_NEAR(table.cosine[p][at].item<double>(), amplitude * std::cos(angle), 1e-6) << i << " at " << p;
        EXPECT_NEAR(table.sine[p][at].item<double>(), amplitude * std::sin(angle), 1e-6) << i << " at " << p;
      }
  }
  AttentionConfig config;
};

TEST_F(Rotary, TurnsEachPairByItsPowerOfTheBase) {
  expectFrequencies({1, 0.1, 0.01, 0.001});
}

TEST_F(Rotary, LinearScalingStretchesPositions) {
  config.scaling.kind = RopeScaling::linear;
  config.scaling.factor = 4;
  expectFrequencies({0.25, 0.025, 0.0025, 0.00025});
}

TEST_F(Rotary, DynamicScalingGrowsTheBaseBeyondTheTrainedLength) {
  config.scaling = {.kind = RopeScaling::dynamic, .factor = 2, .original = 20};
  expectFrequencies({1, 0.1, 0.01, 0.001}, 1, 20);
  const double base = 10000 * std::pow(3.0, 8.0 / 6);  // 2 * 40 / 20 - 1 = 3
  expectFrequencies({1, std::pow(base, -0.25), std::pow(base, -0.5), std::pow(base, -0.75)});
}

TEST_F(Rotary, YarnKeepsFastDimensionsAndStretchesSlowOnes) {
  // Dimension 0 turns 1024 / 2pi = 163 times within the original length, the last 0.16 times.
  config.scaling = {.kind = RopeScaling::yarn, .factor = 4, .original = 1024};
  const double low = std::floor(8 * std::log(1024 / (32 * 2 * std::numbers::pi)) / (2 * std::log(10000.0)));
  const double high = std::ceil(8 * std::log(1024 / (2 * std::numbers::pi)) / (2 * std::log(10000.0)));
  ASSERT_EQ(low, 0);
  ASSERT_EQ(high, 3);
  const auto mixed = [](double frequency, double stretched) { return frequency * (stretched / 4 + 1 - stretched); };
  expectFrequencies({1, mixed(0.1, 1.0 / 3), mixed(0.01, 2.0 / 3), 0.00025}, 0.1 * std::log(4.0) + 1);
  config.scaling.amplitude = 1.5;
  EXPECT_NEAR(cosine()[0][0].item<double>(), 1.5, 1e-6);
  config.scaling.amplitude = 0;
  config.scaling.mscale = config.scaling.mscaleAll = 0.7;
  EXPECT_NEAR(cosine()[0][0].item<double>(), 1, 1e-6) << "both factors cancel";
  EXPECT_NEAR(yarnScoreFactor(config.scaling), std::pow(0.1 * 0.7 * std::log(4.0) + 1, 2), 1e-12);
}

TEST_F(Rotary, Llama3KeepsShortWavesAndStretchesLongOnes) {
  config.scaling = {.kind = RopeScaling::llama3, .factor = 8, .original = 128, .low = 1, .high = 4};
  // Wavelengths 6.3, 63, 628 and 6283 against 128 / 4 and 128 / 1.
  const double kept = (128 * 0.1 / (2 * std::numbers::pi) - 1) / 3;
  expectFrequencies({1, (1 - kept) * 0.1 / 8 + kept * 0.1, 0.01 / 8, 0.001 / 8});
  config.scaling.high = 1;  // as Llama 4 has it: a step at a wavelength of 128
  expectFrequencies({1, 0.1, 0.01 / 8, 0.001 / 8});
}

TEST_F(Rotary, LongropeChoosesItsFactorsByTheLengthOfTheSequence) {
  config.scaling = {.kind = RopeScaling::longrope,
                    .factor = 4,
                    .original = 16,
                    .shortFactor = {1, 2, 3, 4},
                    .longFactor = {2, 4, 6, 8}};
  const double amplitude = std::sqrt(1 + std::log(4.0) / std::log(16.0));
  expectFrequencies({1, 0.05, 0.01 / 3, 0.00025}, amplitude, 16);
  expectFrequencies({0.5, 0.025, 0.01 / 6, 0.000125}, amplitude, 17);
  config.scaling.shortScale = 1.25;
  config.scaling.longScale = 1.75;
  expectFrequencies({1, 0.05, 0.01 / 3, 0.00025}, 1.25, 16);
  expectFrequencies({0.5, 0.025, 0.01 / 6, 0.000125}, 1.75, 17);
}

TEST_F(Rotary, TablesThatDependOnTheLengthAreNotMistakenForOneAnother) {
  RotaryTables tables(at::kCPU);
  config.scaling = {.kind = RopeScaling::longrope,
                    .factor = 4,
                    .original = 16,
                    .shortFactor = {1, 2, 3, 4},
                    .longFactor = {2, 4, 6, 8}};
  AttentionConfig dynamic = config;
  dynamic.scaling = {.kind = RopeScaling::dynamic, .factor = 2, .original = 16};
  for (std::int64_t tokens : {8, 40, 12, 30, 40, 16})
    for (const AttentionConfig& each : {config, dynamic})
      EXPECT_TRUE(
          tables.of(each, tokens).cosine.slice(0, 0, tokens).equal(makeRotaryTable(tokens, each, at::kCPU).cosine))
          << tokens;
}

TEST_F(Rotary, PartsOfAHeadAndPairsTurnAndTheRestStays) {
  config.rotaryWidth = 4;
  const RotaryTable table = makeRotaryTable(5, config, at::kCPU);
  const at::Tensor x = at::arange(40, at::kFloat).view({1, 1, 5, 8});
  const at::Tensor turned = rotate(x, table);
  EXPECT_TRUE(turned.slice(3, 4).equal(x.slice(3, 4)));
  const double c = std::cos(3.0), s = std::sin(3.0);  // position 3, the first pair
  EXPECT_NEAR(turned[0][0][3][0].item<double>(), 24 * c - 26 * s, 1e-4);
  EXPECT_NEAR(turned[0][0][3][2].item<double>(), 26 * c + 24 * s, 1e-4);
  const at::Tensor pairs = rotate(x, table, RopeKind::interleaved);
  EXPECT_NEAR(pairs[0][0][3][0].item<double>(), 24 * c - 25 * s, 1e-4);
  EXPECT_NEAR(pairs[0][0][3][2].item<double>(), 25 * c + 24 * s, 1e-4);
}

}  // namespace
}  // namespace moescope
