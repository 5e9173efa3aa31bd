// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/selftest.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/softplus.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "core/routing/losses.h"
#include "core/routing/noisy.h"
#include "core/routing/router.h"

namespace moescope {
namespace {

// Four tokens, four experts. Every number below follows from these by hand: softmax, sigmoid, sums.
const std::vector<float> tokenLogits{2, 1, 0, -1, 1.8f, .2f, 1.1f, -1, 0, 3, 1, .5f, 1.5f, .1f, -.2f, 1};

at::Tensor matrix(const std::vector<float>& values, std::int64_t columns) {
  return at::tensor(values).view({-1, columns});
}

void set(const Router& router, std::size_t parameter, const at::Tensor& value) {
  const at::NoGradGuard guard;
  router.parameters().at(parameter).value.copy_(value);
}

// A router whose matrix is the identity, so that its logits are its inputs.
std::unique_ptr<Router> onLogits(const RouterConfig& config, std::int64_t choices) {
  at::Generator seed = at::detail::createCPUGenerator(1);
  std::unique_ptr<Router> router = *makeRouter(config, {4, 4, choices}, &seed, at::kCPU);
  set(*router, 0, matrix({1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1}, 4));
  return router;
}

class Checks {
 public:
  void compare(const std::string& name, const at::Tensor& found, const std::vector<float>& expected,
               double tolerance = 1e-5) {
    const at::Tensor wanted = at::tensor(expected);
    RouterCheck check{name, false, INFINITY, tolerance};
    if (found.numel() == wanted.numel())
      check.error = found.detach().reshape(-1).to(at::kDouble).sub(wanted.to(at::kDouble)).abs().max().item<double>();
    check.ok = check.error <= tolerance;
    all.push_back(std::move(check));
  }
  std::vector<RouterCheck> all;
};

void checkSoftmax(Checks& checks) {
  const at::Tensor z = matrix(tokenLogits, 4);
  const Assignments chosen = onLogits({"softmax"}, 2)->route(z, {});
  checks.compare("softmax: experts", chosen.expert, {0, 1, 0, 2, 1, 2, 0, 3});
  checks.compare("softmax: weights", chosen.weight,
                 {.731059f, .268941f, .668188f, .331812f, .880797f, .119203f, .622459f, .377541f});
  const Assignments raw = onLogits({"softmax_raw"}, 2)->route(z, {});
  checks.compare("softmax_raw: weights", raw.weight,
                 {.643914f, .236883f, .568411f, .282264f, .789137f, .106798f, .491205f, .297931f});
  checks.compare("softmax_raw: count", raw.count, {3, 2, 2, 1});
}

void checkSwitch(Checks& checks) {
  RouterConfig config{"switch"};
  config.balance = config.zLoss = config.capacity = 1;
  const Assignments chosen = onLogits(config, 1)->route(matrix(tokenLogits, 4), {.training = true});
  checks.compare("switch: weights, one place an expert", chosen.weight, {.643914f, 0, .789137f, 0});
  checks.compare("switch: balance loss", chosen.losses.at("balance"), {1.622591f});
  checks.compare("switch: z-loss", chosen.losses.at("z"), {6.72809f});
}

void checkNoisy(Checks& checks) {
  RouterConfig config{"noisy"};
  config.options = {{"noisy.importance", 1}, {"noisy.load", 1}};
  const at::Tensor z = matrix(tokenLogits, 4);
  const Assignments chosen = onLogits(config, 2)->route(z, {.training = true});
  checks.compare("noisy: importance loss", chosen.losses.at("importance"), {.438786f});
  const at::Tensor deviation = at::softplus(at::zeros({4, 4})).add(1e-2);
  const at::Tensor load = noisyLoad(z, z, deviation, 2).sum(0);
  checks.compare("noisy: smooth load", load, {3.040586f, 2.122883f, 1.78264f, 1.141871f});
  checks.compare("noisy: load loss", squaredVariation(load), {.114934f});
}

void checkSigmoidBias(Checks& checks) {
  const std::unique_ptr<Router> router = onLogits({"sigmoid_bias"}, 2);
  router->buffers().front().value.copy_(at::tensor({-.5f, 0.f, .3f, 0.f}));
  const Assignments chosen = router->route(matrix({2, 1, 0, -1}, 4), {});
  checks.compare("sigmoid_bias: experts", chosen.expert, {1, 2});
  checks.compare("sigmoid_bias: weights", chosen.weight, {.593845f, .406155f});
  const std::unique_ptr<Router> fresh = onLogits({"sigmoid_bias"}, 1);
  fresh->afterStep(at::tensor({3, 1, 0, 0}, at::kLong));
  checks.compare("sigmoid_bias: bias after a step", fresh->buffers().front().value, {-1e-3f, 0, 1e-3f, 1e-3f}, 1e-9);
}

void checkGroups(Checks& checks) {
  RouterConfig raw{"softmax_raw"};
  raw.options = {{"softmax_raw.groups", 2}, {"softmax_raw.kept_groups", 1}, {"softmax_raw.scale", 2}};
  const Assignments best = onLogits(raw, 2)->route(matrix(tokenLogits, 4), {});
  checks.compare("softmax_raw: experts of the best group", best.expert, {0, 1, 0, 1, 1, 0, 0, 1});
  checks.compare("softmax_raw: scaled weights", best.weight,
                 {1.287829f, .473766f, 1.136822f, .22952f, 1.578274f, .078578f, .98241f, .24226f});
  RouterConfig steered{"sigmoid_bias"};
  steered.options = {{"sigmoid_bias.groups", 2}, {"sigmoid_bias.kept_groups", 1}};
  const std::unique_ptr<Router> router = onLogits(steered, 2);
  router->buffers().front().value.copy_(at::tensor({-.5f, -.5f, .3f, .3f}));
  const Assignments chosen = router->route(matrix({2, 1, 0, -1}, 4), {});
  checks.compare("sigmoid_bias: experts of the best group", chosen.expert, {2, 3});
  checks.compare("sigmoid_bias: weights in a group", chosen.weight, {.650245f, .349755f});
}

void checkSigmoid(Checks& checks) {
  const Assignments chosen = onLogits({"sigmoid"}, 1)->route(matrix(tokenLogits, 4), {});
  checks.compare("sigmoid: experts", chosen.expert, {0, 0, 1, 0});
  checks.compare("sigmoid: weights", chosen.weight, {.880797f, .858149f, .952574f, .817574f});
}

void checkSparsemixer(Checks& checks) {
  RouterConfig config{"sparsemixer"};
  config.options = {{"sparsemixer.jitter", 0.3}};
  const Assignments chosen = onLogits(config, 2)->route(matrix(tokenLogits, 4), {});
  checks.compare("sparsemixer: experts", chosen.expert, {1, 0, 2, 0, 1, 2, 3, 0});
  checks.compare("sparsemixer: weights", chosen.weight, {1, .731059f, 1, .668188f, 1, .622459f, 1, .622459f});
}

void checkLogitBias(Checks& checks) {
  RouterConfig config{"softmax"};
  config.bias = true;
  const std::unique_ptr<Router> router = onLogits(config, 2);
  set(*router, 1, at::tensor({.693147f, 1.791759f, 0.f, -1.f}));
  const Assignments chosen = router->route(at::zeros({1, 4}), {});
  checks.compare("softmax: experts by a bias of the logits", chosen.expert, {1, 0});
  checks.compare("softmax: weights by a bias of the logits", chosen.weight, {.75f, .25f});
}

// The weights, each with a factor of its own so that their sum to 1 hides nothing, and every loss.
at::Tensor objective(const Router& router, const at::Tensor& x) {
  RouteContext context{.training = true, .generator = at::detail::createCPUGenerator(5)};
  const Assignments chosen = router.route(x, context);
  const at::Tensor factor = chosen.expert.add(1).to(at::kFloat);
  at::Tensor sum = chosen.weight.mul(factor).sum();
  for (const auto& [name, loss] : chosen.losses) sum = sum.add(loss);
  return sum;
}

double gradientError(const Router& router, const at::Tensor& x, const at::Tensor& variable) {
  variable.mutable_grad() = at::Tensor();
  objective(router, x).backward();
  const at::NoGradGuard guard;
  const at::Tensor gradient = variable.grad();
  const at::Tensor flat = variable.view(-1);
  constexpr float step = 5e-3f;
  double error = 0;
  for (std::int64_t i = 0; i < flat.numel(); ++i) {
    const float at = flat[i].item<float>();
    flat[i] = at + step;
    const double above = objective(router, x).item<double>();
    flat[i] = at - step;
    const double below = objective(router, x).item<double>();
    flat[i] = at;
    error = std::max(error, std::abs((above - below) / (2.0 * step) - gradient.view(-1)[i].item<double>()));
  }
  return error;
}

void checkGradients(Checks& checks, const RouterKind& kind) {
  RouterConfig config{kind.option.name, 0.5, 0.1};
  config.options = {{"sparsemixer.jitter", 10}};  // every expert comes close: no steps, where differences say nothing
  at::Generator seed = at::detail::createCPUGenerator(3);
  const std::unique_ptr<Router> router =
      *makeRouter(config, {5, 4, kind.option.name == "switch" ? 1 : 2}, &seed, at::kCPU);
  at::Tensor x = at::empty({6, 5}).normal_(0, 1, seed).set_requires_grad(true);
  const std::size_t parameters = router->parameters().size();
  for (std::size_t i = 0; i < parameters; ++i) set(*router, i, at::empty({4, 5}).normal_(0, 0.7, seed));
  double error = 0;
  for (const NamedTensor& parameter : router->parameters())
    error = std::max(error, gradientError(*router, x, parameter.value));
  error = std::max(error, gradientError(*router, x, x));
  constexpr double tolerance = 5e-3;  // of a central difference in fp32
  checks.all.push_back({kind.option.name + ": gradients", error <= tolerance, error, tolerance});
}

}  // namespace

std::vector<RouterCheck> checkRouters() {
  Checks checks;
  checkSoftmax(checks);
  checkSwitch(checks);
  checkNoisy(checks);
  checkSigmoidBias(checks);
  checkGroups(checks);
  checkSigmoid(checks);
  checkSparsemixer(checks);
  checkLogitBias(checks);
  for (const RouterKind& kind : routerKinds()) checkGradients(checks, kind);
  return checks.all;
}

}  // namespace moescope
