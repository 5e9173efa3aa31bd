// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/model/experts.h"

namespace moescope {
namespace {

constexpr std::int64_t tokens = 9, hidden = 5, width = 4, experts = 3, choices = 2;

struct Sample {
  at::Tensor x = at::randn({tokens, hidden}), gateUp = at::randn({experts, 2 * width, hidden}),
             down = at::randn({experts, hidden, width});
  Assignments assignments;
  ExpertRule rule;
};

Sample sample() {
  at::manual_seed(3);
  Sample made;
  // Expert 1 has no tokens, and one choice was dropped.
  made.assignments.expert = at::tensor({0, 2}, at::kLong).expand({tokens, choices}).contiguous();
  made.assignments.weight = at::rand({tokens, choices});
  made.assignments.kept = at::ones({tokens, choices}, at::kBool);
  made.assignments.kept[4][1] = false;
  made.assignments.weight[4][1] = 0;
  sortByExpert(made.assignments, experts);
  return made;
}

// silu, or gpt-oss's own gate.
double gated(double gate, double up, const Activation& activation) {
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  if (activation.kind == ActivationKind::silu) return gate * sigmoid(gate) * up;
  const double low = std::min(gate, activation.limit);
  return low * sigmoid(activation.alpha * low) * (std::max(std::min(up, activation.limit), -activation.limit) + 1);
}

// One number after another.
at::Tensor byHand(const Sample& made) {
  const auto number = [](const at::Tensor& tensor, std::initializer_list<std::int64_t> at) {
    at::Tensor inner = tensor;
    for (std::int64_t index : at) inner = inner[index];
    return inner.defined() ? inner.item<double>() : 0.0;
  };
  const ExpertRule& rule = made.rule;
  at::Tensor y = at::zeros({tokens, hidden}, at::kDouble);
  for (std::int64_t t = 0; t < tokens; ++t)
    for (std::int64_t j = 0; j < choices; ++j) {
      if (!made.assignments.kept[t][j].item<bool>()) continue;
      const std::int64_t e = made.assignments.expert[t][j].item<std::int64_t>();
      const double weight = made.assignments.weight[t][j].item<double>();
      std::vector<double> both, inner;
      for (std::int64_t r = 0; r < 2 * width; ++r) {
        double sum = rule.gateUpBias.defined() ? number(rule.gateUpBias, {e, r}) : 0;
        for (std::int64_t c = 0; c < hidden; ++c)
          sum += number(made.gateUp, {e, r, c}) * number(made.x, {t, c}) * (rule.weightInput ? weight : 1);
        both.push_back(sum);
      }
      for (std::size_t i = 0; i < width; ++i) inner.push_back(gated(both[i], both[i + width], rule.activation));
      for (std::int64_t r = 0; r < hidden; ++r) {
        double sum = rule.downBias.defined() ? number(rule.downBias, {e, r}) : 0;
        for (std::int64_t c = 0; c < width; ++c)
          sum += number(made.down, {e, r, c}) * inner[static_cast<std::size_t>(c)];
        y[t][r] += sum * (rule.weightInput ? 1 : weight);
      }
    }
  return y;
}

at::Tensor apply(const Sample& made) {
  return applyExperts(made.x, made.assignments, made.gateUp, made.down, made.rule);
}

void expectByHand(const Sample& made) {
  const double error = apply(made).detach().to(at::kDouble).sub(byHand(made)).abs().max().item<double>();
  EXPECT_LT(error, 1e-4);
}

TEST(ExpertRule, WithoutAnythingUnusualItIsTheUsualSum) {
  const Sample made = sample();
  EXPECT_TRUE(made.rule.usual());
  EXPECT_TRUE(apply(made).equal(applyExperts(made.x, made.assignments, made.gateUp, made.down)));
  expectByHand(made);
}

TEST(ExpertRule, BiasesAreAddedBeforeTheWeights) {
  Sample made = sample();
  made.rule.gateUpBias = at::randn({experts, 2 * width});
  made.rule.downBias = at::randn({experts, hidden});
  expectByHand(made);
}

TEST(ExpertRule, AClampedGateKeepsBothSidesWithinItsLimit) {
  Sample made = sample();
  made.rule.activation = {ActivationKind::clamped, 1.702, 0.8};
  expectByHand(made);
}

TEST(ExpertRule, WeightsMayMultiplyWhatGoesIn) {
  Sample made = sample();
  made.rule.weightInput = true;
  expectByHand(made);
}

TEST(ExpertRule, HasTheGradientsOfItsFormula) {
  Sample made = sample();
  made.rule = {
      {ActivationKind::clamped, 1.702, 3}, true, at::randn({experts, 2 * width}), at::randn({experts, hidden})};
  for (at::Tensor* tensor :
       {&made.x, &made.gateUp, &made.down, &made.rule.gateUpBias, &made.rule.downBias, &made.assignments.weight}) {
    tensor->set_requires_grad(true);
    apply(made).square().sum().backward();
    const at::Tensor gradient = tensor->grad().reshape(-1);
    tensor->set_requires_grad(false);
    const at::Tensor flat = tensor->view(-1);
    for (std::int64_t i = 0; i < flat.numel(); i += 7) {
      const float at = flat[i].item<float>();
      const auto objective = [&](float value) {
        flat[i] = value;
        return apply(made).to(at::kDouble).square().sum().item<double>();
      };
      const double slope = (objective(at + 1e-2f) - objective(at - 1e-2f)) / 2e-2;
      flat[i] = at;
      EXPECT_NEAR(gradient[i].item<double>(), slope, 2e-2 * std::abs(slope) + 5e-2) << i;
    }
  }
}

}  // namespace
}  // namespace moescope
