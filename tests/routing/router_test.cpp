// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/router.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/routing/selftest.h"

namespace moescope {
namespace {

at::Tensor vectors(const std::vector<float>& values, std::int64_t columns) {
  return at::tensor(values).view({-1, columns});
}

// The four tokens over four experts on which the closed forms are worked out.
at::Tensor tokens() {
  return vectors({2, 1, 0, -1, 1.8f, .2f, 1.1f, -1, 0, 3, 1, .5f, 1.5f, .1f, -.2f, 1}, 4);
}

std::unique_ptr<Router> make(RouterConfig config, RouterShape shape, std::uint64_t seed = 1) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  return *makeRouter(config, shape, &generator, at::kCPU);
}

void set(Router& router, const at::Tensor& weight) {
  at::NoGradGuard guard;
  router.parameters().front().value.copy_(weight);
}

// Logits are the inputs.
std::unique_ptr<Router> onLogits(RouterConfig config, std::int64_t experts, std::int64_t choices) {
  std::unique_ptr<Router> router = make(std::move(config), {experts, experts, choices});
  set(*router, at::eye(experts));
  return router;
}

void expectNear(const at::Tensor& found, const std::vector<float>& expected, double tolerance = 1e-5) {
  ASSERT_EQ(found.numel(), static_cast<std::int64_t>(expected.size()));
  const at::Tensor flat = found.detach().reshape(-1).to(at::kDouble);
  for (std::int64_t i = 0; i < flat.numel(); ++i)
    EXPECT_NEAR(flat[i].item<double>(), expected[static_cast<std::size_t>(i)], tolerance) << "at " << i;
}

TEST(Routers, AgreeWithTheirDefinitions) {
  const std::vector<RouterCheck> checks = checkRouters();
  EXPECT_GE(checks.size(), 30u);
  for (const RouterCheck& check : checks)
    EXPECT_TRUE(check.ok) << check.name << ": error " << check.error << " > " << check.tolerance;
}

TEST(Routers, GiveSoftmaxProbabilitiesOfTheLogits) {
  const Assignments chosen = onLogits({"softmax"}, 4, 2)->route(tokens(), {});
  expectNear(chosen.probability, {.643914f, .236883f, .087144f, .032059f, .568411f, .11476f, .282264f, .034565f,
                                  .039289f, .789137f, .106798f, .064776f, .491205f, .12113f, .089735f, .297931f});
  expectNear(chosen.logits, {2, 1, 0, -1, 1.8f, .2f, 1.1f, -1, 0, 3, 1, .5f, 1.5f, .1f, -.2f, 1}, 0);
  expectNear(chosen.count, {3, 2, 2, 1}, 0);
}

TEST(Routers, BalanceLossHasTheGradientOfItsFormula) {
  RouterConfig config{"switch"};
  config.balance = 1;
  at::Tensor z = tokens().set_requires_grad(true);
  Assignments chosen = onLogits(config, 4, 1)->route(z, {.training = true});
  expectNear(chosen.losses.at("balance"), {1.622591f});
  chosen.losses.at("balance").backward();
  expectNear(z.grad()[0], {.133833f, -.069207f, -.047246f, -.017381f});
  expectNear(z.grad()[3], {.172567f, -.01801f, -.035776f, -.118781f});
}

TEST(Routers, ZLossHasTheGradientOfItsFormula) {
  RouterConfig config{"softmax"};
  config.zLoss = 1;
  at::Tensor z = tokens().set_requires_grad(true);
  Assignments chosen = onLogits(config, 4, 2)->route(z, {.training = true});
  chosen.losses.at("z").backward();
  expectNear(z.grad()[0], {.785636f, .28902f, .106324f, .039115f});
}

TEST(Routers, BalanceLossDividesByTheChoices) {
  RouterConfig config{"softmax"};
  config.balance = 1;
  expectNear(onLogits(config, 4, 2)->route(tokens(), {.training = true}).losses.at("balance"), {1.164186f});
}

TEST(Routers, BalanceLossCanFallBelowOne) {
  RouterConfig config{"switch"};
  config.balance = 1;
  const float odds = std::log(.51f / .49f);
  const at::Tensor z = vectors({odds, 0, odds, 0, -60, 0}, 2);
  expectNear(onLogits(config, 2, 1)->route(z, {.training = true}).losses.at("balance"), {.893333f});
}

TEST(Routers, BalanceLossIsOneForEqualLogitsWhateverIsChosen) {
  RouterConfig config{"softmax"};
  config.balance = config.zLoss = 1;
  for (const auto& [experts, square] : {std::pair{4, 1.921812f}, {8, 4.324077f}, {16, 7.687248f}, {64, 17.296309f}}) {
    const Assignments chosen = onLogits(config, experts, 2)->route(at::zeros({5, experts}), {.training = true});
    expectNear(chosen.losses.at("balance"), {1});
    expectNear(chosen.losses.at("z"), {square}, 1e-4);
    EXPECT_TRUE(chosen.expert.select(1, 0).eq(0).all().item<bool>()) << "ties go to the lower expert";
  }
}

TEST(Routers, CollapseCostsAsManyTimesAsThereAreExperts) {
  RouterConfig config{"switch"};
  config.balance = 1;
  at::Tensor z = at::zeros({6, 8});
  z.select(1, 3).fill_(80);
  expectNear(onLogits(config, 8, 1)->route(z, {.training = true}).losses.at("balance"), {8});
}

TEST(Routers, LossesOfEvaluationAreNotComputed) {
  RouterConfig config{"softmax"};
  config.balance = config.zLoss = 1;
  EXPECT_TRUE(onLogits(config, 4, 2)->route(tokens(), {}).losses.empty());
}

TEST(Noisy, LoadIsTheProbabilityOfBeingAmongTheLargest) {
  RouterConfig config{"noisy"};
  std::unique_ptr<Router> router = onLogits(config, 4, 2);
  const Assignments still = router->route(tokens(), {});
  expectNear(still.weight, {.731059f, .268941f, .668188f, .331812f, .880797f, .119203f, .622459f, .377541f});
  EXPECT_EQ(router->route(tokens(), {.training = true}).losses.count("load"), 0u)
      << "without noise the load is a count";
}

TEST(Noisy, StartsAtZeroAndItsNoiseRepeatsWithItsSeed) {
  std::unique_ptr<Router> router = make({"noisy"}, {4, 4, 2});
  for (const NamedTensor& parameter : router->parameters()) EXPECT_EQ(parameter.value.abs().max().item<float>(), 0);
  ASSERT_EQ(router->parameters().size(), 2u);
  const auto chosen = [&](std::uint64_t seed) {
    return router->route(tokens(), {.training = true, .generator = at::detail::createCPUGenerator(seed)})
        .weight.detach();
  };
  EXPECT_TRUE(chosen(1).equal(chosen(1)));
  EXPECT_FALSE(chosen(1).equal(chosen(2)));
}

TEST(SigmoidBias, SteersTheChoiceAndNeverTheWeights) {
  std::unique_ptr<Router> router = onLogits({"sigmoid_bias"}, 4, 2);
  router->buffers().front().value.copy_(at::tensor({-.5f, 0.f, .3f, 0.f}));
  at::Tensor z = vectors({2, 1, 0, -1}, 4).set_requires_grad(true);
  const Assignments chosen = router->route(z, {.training = true});
  expectNear(chosen.expert, {1, 2}, 0);
  expectNear(chosen.weight, {.593845f, .406155f});
  EXPECT_FALSE(router->buffers().front().value.requires_grad());
  chosen.weight.select(1, 0).sum().backward();
  EXPECT_FALSE(router->buffers().front().value.grad().defined());
  EXPECT_EQ(z.grad()[0][0].item<float>(), 0) << "an expert that was not chosen has no part in the weights";
}

TEST(SigmoidBias, MovesTowardsTheMeanLoadAndScalesTheWeights) {
  RouterConfig config{"sigmoid_bias"};
  config.options = {{"sigmoid_bias.rate", 0.01}, {"sigmoid_bias.scale", 2.5}};
  std::unique_ptr<Router> router = onLogits(config, 4, 2);
  router->afterStep(at::tensor({3, 1, 0, 0}, at::kLong));
  expectNear(router->buffers().front().value, {-.01f, 0, .01f, .01f}, 1e-8);
  expectNear(router->route(tokens(), {}).weight.sum(1), {2.5f, 2.5f, 2.5f, 2.5f});
}

TEST(Softmax, WeightsMayBeDividedByAnotherNorm) {
  RouterConfig config{"softmax"};
  config.options = {{"softmax.power", 2}};
  const Assignments chosen = onLogits(config, 4, 2)->route(vectors({2, 1, 0, -1}, 4), {});
  expectNear(chosen.expert, {0, 1}, 0);
  expectNear(chosen.weight, {.938508f, .345258f});  // e^2 and e over the root of e^4 + e^2
}

TEST(SoftmaxBias, SteersTheChoiceAndNeverTheWeights) {
  std::unique_ptr<Router> router = onLogits({"softmax_bias"}, 4, 2);
  router->buffers().front().value.copy_(at::tensor({-.5f, 0.f, .3f, 0.f}));
  const Assignments chosen = router->route(vectors({2, 1, 0, -1}, 4), {});
  expectNear(chosen.expert, {1, 2}, 0);
  expectNear(chosen.weight, {.731059f, .268941f});  // e and 1 over their sum
  router->afterStep(at::tensor({3, 1, 0, 0}, at::kLong));
  expectNear(router->buffers().front().value, {-.501f, 0, .301f, .001f}, 1e-7);
}

TEST(Routers, PermutedExpertsGiveThePermutedChoice) {
  const at::Tensor permutation = at::tensor({4, 2, 0, 5, 1, 3}, at::kLong);
  for (const RouterKind& kind : routerKinds()) {
    const std::int64_t choices = kind.option.name == "switch" ? 1 : 3;
    const at::Tensor weight = at::randn({6, 8}), x = at::randn({40, 8});
    RouterConfig config{kind.option.name};
    config.options = {{"sparsemixer.jitter", 10}};  // its weights are often exactly 1, and ties go by expert
    std::unique_ptr<Router> router = make(config, {8, 6, choices}), permuted = make(config, {8, 6, choices});
    set(*router, weight);
    set(*permuted, weight.index_select(0, permutation));
    const Assignments first = router->route(x, {}), second = permuted->route(x, {});
    EXPECT_TRUE(permutation.index_select(0, second.expert.reshape(-1)).equal(first.expert.reshape(-1)))
        << kind.option.name;
    EXPECT_TRUE(at::allclose(first.weight, second.weight, 1e-5, 1e-6)) << kind.option.name;
  }
}

TEST(Routers, WeightsAreOrderedAndEveryExpertIsChosenAtMostOnce) {
  for (const RouterKind& kind : routerKinds()) {
    if (kind.option.name == "switch") continue;
    const Assignments chosen = make({kind.option.name}, {8, 16, 5})->route(at::randn({64, 8}), {});
    EXPECT_TRUE(chosen.weight.slice(1, 0, 4).ge(chosen.weight.slice(1, 1, 5)).all().item<bool>()) << kind.option.name;
    const at::Tensor sorted = std::get<0>(chosen.expert.sort(1));
    EXPECT_TRUE(sorted.slice(1, 1, 5).gt(sorted.slice(1, 0, 4)).all().item<bool>()) << kind.option.name;
  }
}

TEST(Routers, PaddingIsNeverKeptAndCountsNowhere) {
  RouterConfig config{"softmax"};
  config.balance = config.zLoss = 1;
  std::unique_ptr<Router> router = onLogits(config, 4, 2);
  const at::Tensor padded = at::cat({tokens(), at::full({3, 4}, 7.f)});
  const at::Tensor valid = at::tensor({1, 1, 1, 1, 0, 0, 0}).to(at::kBool);
  const Assignments with = router->route(padded, {.training = true, .valid = valid});
  const Assignments without = router->route(tokens(), {.training = true});
  expectNear(with.losses.at("balance"), {without.losses.at("balance").item<float>()}, 1e-7);
  expectNear(with.losses.at("z"), {without.losses.at("z").item<float>()}, 1e-6);
  EXPECT_TRUE(with.count.equal(without.count));
  EXPECT_FALSE(with.kept.slice(0, 4).any().item<bool>());
  EXPECT_EQ(with.weight.slice(0, 4).abs().max().item<float>(), 0);
  EXPECT_EQ(with.offsets.back(), 8);
}

TEST(Routers, UnknownNamesAreRefusedWithTheNearest) {
  const auto refused = makeRouter({"softmx"}, {4, 4, 2}, nullptr, at::kCPU);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::usage);
  EXPECT_NE(refused.error().message.find("softmax"), std::string::npos) << refused.error().message;
  EXPECT_EQ(routerOptions().size(), routerKinds().size());
}

}  // namespace
}  // namespace moescope
