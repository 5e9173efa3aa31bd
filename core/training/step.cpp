// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/step.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/variable.h>

#include <cmath>

#include "core/routing/losses.h"
#include "core/statistics/counter_random.h"

namespace moescope {
namespace {

constexpr std::uint64_t noiseStream = 100;
constexpr const char* advice = "Try a smaller learning_rate, a longer warmup or a z_loss; the last snapshot is kept.";

Error notFinite(std::string_view what, std::int64_t step) {
  return usageError(fmt::format("{} is not finite at step {}, so training stopped there. {}", what, step, advice));
}

// What live coefficients add to the losses that the routers were made with.
at::Tensor coefficientChange(const Forward& forward, const RouterConfig& made, const LiveValues& live,
                             const at::Tensor& valid) {
  at::Tensor change;
  const auto add = [&](double difference, const at::Tensor& loss) {
    change = change.defined() ? change + difference * loss : difference * loss;
  };
  for (const LayerRouting& layer : forward.routing) {
    const Assignments& routed = layer.assignments;
    if (live.balance != made.balance)
      add(live.balance - made.balance, balanceLoss(routed.probability, routed.count, valid, routed.expert.size(1)));
    if (live.zLoss != made.zLoss) add(live.zLoss - made.zLoss, zLoss(routed.logits, valid));
  }
  return change;
}

BatchTensors rows(const BatchTensors& all, std::int64_t first, std::int64_t count) {
  return {all.id.narrow(0, first, count), all.next.narrow(0, first, count),
          all.valid.defined() ? all.valid.narrow(0, first, count) : at::Tensor{}};
}

}  // namespace

std::vector<Metric> StepReport::metrics() const {
  std::vector<Metric> all{{"loss", {loss}},
                          {"gradient_norm", {gradientNorm}},
                          {"learning_rate", {learningRate}},
                          {"tokens", {double(tokens)}}};
  if (layers.empty()) return all;
  all.push_back({"balance_loss", {balanceLoss}});
  all.push_back({"z_loss", {zLoss}});
  all.push_back({"router_gradient_norm", {routerGradientNorm}});
  for (const auto& [name, value] : auxiliary) all.push_back({name + "_loss", {value}});
  for (Metric& metric : layerMetrics(layers)) all.push_back(std::move(metric));
  return all;
}

Stepper::Stepper(Decoder& model, const TrainingSettings& settings)
    : model_(&model),
      settings_(&settings),
      optimiser_(parameterGroups(model.parameters(), settings.rates), {}),
      blocks_(model.sparseBlocks()) {}

Expected<void> Stepper::addPart(std::int64_t step, std::int64_t part, const BatchTensors& tensors, const Batch& whole,
                                const LiveValues& live, StepReport& report) {
  ForwardContext context{.training = true, .valid = tensors.valid};
  context.generator = at::make_generator<at::CPUGeneratorImpl>(
      CounterRandom(settings_->seed, noiseStream).bits((std::uint64_t(step) << 16) + std::uint64_t(part))[0]);
  const Forward forward = model_->forward(tensors.id, context);
  const at::Tensor valid = tensors.valid.defined() ? tensors.valid.flatten() : at::Tensor{};
  for (std::size_t i = 0; i < forward.routing.size(); ++i) {
    LayerTally tally = tallyOf(forward.routing[i].assignments, valid);
    if (!std::isfinite(tally.largestLogit) || !std::isfinite(tally.squaredLogSumExp))
      return notFinite(fmt::format("A router logit of MoE layer {} (block {})", i, blocks_[i]), step);
    report.layers[i].add(tally);
  }
  const at::Tensor loss = tokenLoss(forward.logits, tensors.next).sum() / double(whole.targets());
  const double value = loss.item<double>();
  if (!std::isfinite(value)) return notFinite("The loss, after the last layer and the head,", step);
  report.loss += value;
  // The auxiliary losses are means over tokens: parts count as many as they have.
  const double here = valid.defined() ? double(valid.sum().item<std::int64_t>()) : double(tensors.id.numel());
  const double share = here / double(whole.tokens());
  at::Tensor total = loss;
  for (const auto& [name, auxiliary] : forward.losses) {
    total = total + auxiliary * share;
    if (name != "balance" && name != "z") report.auxiliary[name] += auxiliary.item<double>() * share;
  }
  if (const at::Tensor change = coefficientChange(forward, model_->config().moe.router, live, valid); change.defined())
    total = total + change * share;
  total.backward();
  return {};
}

Expected<StepReport> Stepper::make(std::int64_t step, const Batch& batch, const LiveValues& live) {
  model_->beginStep(step);
  optimiser_.zeroGradients();
  StepReport report{.tokens = batch.tokens()};
  report.layers.resize(blocks_.size());
  const BatchTensors tensors = tensorsOf(batch, model_->device());
  const std::int64_t count = batch.rows / settings_->accumulation;
  for (std::int64_t part = 0; part < settings_->accumulation; ++part)
    TRY_DO(addPart(step, part, rows(tensors, part * count, count), batch, live, report));
  for (const LayerTally& layer : report.layers) {
    report.balanceLoss += balanceOf(layer) / double(report.layers.size());
    report.zLoss += layer.squaredLogSumExp / double(layer.tokens) / double(report.layers.size());
  }
  report.routerGradientNorm = gradientNorm(optimiser_.groups().back().parameters);
  report.gradientNorm = optimiser_.clip(settings_->clip);
  if (!std::isfinite(report.gradientNorm)) {
    for (const ParameterGroup& group : optimiser_.groups())
      for (const NamedTensor& parameter : group.parameters)
        if (parameter.value.grad().defined() && !parameter.value.grad().isfinite().all().item<bool>())
          return notFinite(fmt::format("The gradient of {}", parameter.name), step);
    return notFinite("The norm of the gradient", step);
  }
  Schedule schedule = settings_->schedule;
  schedule.peak = live.learningRate;
  report.learningRate = learningRateAt(schedule, step - 1);
  optimiser_.step(report.learningRate);
  std::vector<at::Tensor> counts;
  for (const LayerTally& layer : report.layers) counts.push_back(at::tensor(layer.chosen).to(model_->device()));
  model_->afterStep(counts);
  return report;
}

}  // namespace moescope
