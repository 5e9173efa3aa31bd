// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/experts.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include "core/model/feed_forward.h"

namespace moescope {
namespace {

struct Case {
  at::Tensor x, gateUp, down;
  Assignments assignments;
};

// Expert 2 gets nothing, some choices are dropped.
Case makeCase(at::ScalarType type = at::kFloat) {
  at::manual_seed(4);
  const std::int64_t tokens = 13, experts = 5, hidden = 6, width = 3;
  const at::TensorOptions options(type);
  Case made{at::randn({tokens, hidden}, options),
            at::randn({experts, 2 * width, hidden}, options),
            at::randn({experts, hidden, width}, options),
            {}};
  at::Tensor scores = at::rand({tokens, experts}, options);
  scores.select(1, 2).fill_(-1);
  made.assignments.expert = std::get<1>(scores.topk(2, 1));
  made.assignments.kept = at::rand({tokens, 2}).gt(0.2);
  made.assignments.weight = at::rand({tokens, 2}, options).mul(made.assignments.kept);
  sortByExpert(made.assignments, experts);
  return made;
}

// Every choice by itself, in plain words.
at::Tensor definition(const Case& made) {
  at::Tensor y = at::zeros_like(made.x);
  for (std::int64_t t = 0; t < made.x.size(0); ++t)
    for (std::int64_t j = 0; j < 2; ++j) {
      if (!made.assignments.kept[t][j].item<bool>()) continue;
      const std::int64_t e = made.assignments.expert[t][j].item<std::int64_t>();
      const at::Tensor out = feedForward(made.x[t].unsqueeze(0), made.gateUp[e], made.down[e]).squeeze(0);
      y = y.index_add(0, at::tensor({t}, at::kLong), out.mul(made.assignments.weight[t][j]).unsqueeze(0));
    }
  return y;
}

TEST(Experts, OutputAndGradientsAreThoseOfTheDefinition) {
  Case made = makeCase();
  std::vector<at::Tensor> variables{made.x, made.gateUp, made.down, made.assignments.weight};
  for (at::Tensor& variable : variables) variable.set_requires_grad(true);
  const at::Tensor direction = at::randn_like(made.x);
  const auto gradients = [&](const at::Tensor& y) {
    for (at::Tensor& variable : variables) variable.mutable_grad() = at::Tensor();
    y.mul(direction).sum().backward();
    std::vector<at::Tensor> all;
    for (const at::Tensor& variable : variables) all.push_back(variable.grad().clone());
    return all;
  };
  const at::Tensor fast = applyExperts(made.x, made.assignments, made.gateUp, made.down), plain = definition(made);
  EXPECT_TRUE(at::allclose(fast, plain, 1e-5, 1e-5));
  const std::vector<at::Tensor> ofFast = gradients(fast), ofPlain = gradients(plain);
  for (std::size_t i = 0; i < ofFast.size(); ++i) {
    // A dropped choice has weight 0 and no gradient.
    EXPECT_TRUE(at::allclose(ofFast[i], ofPlain[i], 1e-4, 1e-5)) << "gradient " << i;
  }
  EXPECT_EQ(ofFast[1][2].abs().max().item<float>(), 0) << "an expert without tokens has a gradient of zero";
}

TEST(Experts, AreBitEqualForTheSameThreadsAndCloseForOthers) {
  const Case made = makeCase();
  const auto with = [&](int threads) {
    at::set_num_threads(threads);
    return applyExperts(made.x, made.assignments, made.gateUp, made.down);
  };
  const int before = at::get_num_threads();
  const at::Tensor one = with(1), two = with(2), twoAgain = with(2), three = with(3);
  at::set_num_threads(before);
  EXPECT_TRUE(two.equal(twoAgain));
  EXPECT_TRUE(at::allclose(one, two, 1e-5, 1e-6));
  EXPECT_TRUE(at::allclose(one, three, 1e-5, 1e-6));
}

TEST(Experts, OneThatGetsMostTokensIsNoSpecialCase) {
  Case made = makeCase();
  made.assignments.expert.select(1, 0).fill_(4);
  made.assignments.expert.select(1, 1).fill_(1);
  made.assignments.kept = at::ones({13, 2}, at::kBool);
  made.assignments.kept.select(1, 1).slice(0, 1).fill_(false);
  made.assignments.weight = made.assignments.weight.add(0.1).mul(made.assignments.kept);
  sortByExpert(made.assignments, 5);
  EXPECT_TRUE(
      at::allclose(applyExperts(made.x, made.assignments, made.gateUp, made.down), definition(made), 1e-5, 1e-5));
}

TEST(Experts, WorkWithoutGradientsAndInInferenceMode) {
  Case made = makeCase();
  made.gateUp.set_requires_grad(true);
  const at::Tensor expected = applyExperts(made.x, made.assignments, made.gateUp, made.down).detach();
  {
    const at::NoGradGuard guard;
    EXPECT_TRUE(applyExperts(made.x, made.assignments, made.gateUp, made.down).equal(expected));
  }
  const c10::InferenceMode guard;
  EXPECT_TRUE(applyExperts(made.x.clone(), made.assignments, made.gateUp, made.down).equal(expected));
}

TEST(Experts, NothingKeptIsZero) {
  Case made = makeCase();
  made.assignments.kept = at::zeros({13, 2}, at::kBool);
  sortByExpert(made.assignments, 5);
  EXPECT_EQ(applyExperts(made.x, made.assignments, made.gateUp, made.down).abs().max().item<float>(), 0);
}

TEST(Experts, OutputsComeInTheOrderOfTheAssignments) {
  const Case made = makeCase();
  const at::Tensor outputs = expertOutputs(made.x, made.assignments, made.gateUp, made.down);
  ASSERT_EQ(outputs.size(0), made.assignments.order.size(0));
  const std::int64_t flat = made.assignments.order[0].item<std::int64_t>();
  const std::int64_t e = made.assignments.expert.view(-1)[flat].item<std::int64_t>();
  EXPECT_TRUE(at::allclose(outputs[0], feedForward(made.x[flat / 2].unsqueeze(0), made.gateUp[e], made.down[e])[0],
                           1e-5, 1e-6));
}

}  // namespace
}  // namespace moescope
