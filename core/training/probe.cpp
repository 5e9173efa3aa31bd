// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/probe.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/model/experts.h"
#include "core/training/token_loss.h"

namespace moescope {
namespace {

// Share of the choices in `now` [token, k] that `before` does not hold for the same token.
double changed(const at::Tensor& now, const at::Tensor& before) {
  const at::Tensor held = now.unsqueeze(2).eq(before.unsqueeze(1)).any(2);
  return 1 - held.to(at::kDouble).mean().item<double>();
}

// I(domain; expert) over assignments; each has the same weight 1 / (tokens k), so a token counts once whatever k is.
double information(const at::Tensor& expert, std::span<const std::int64_t> domainOfToken, std::int64_t domains,
                   std::int64_t experts) {
  const auto zeros = [](std::int64_t count) { return std::vector<double>(std::size_t(count), 0.0); };
  std::vector<double> joint = zeros(domains * experts), byDomain = zeros(domains), byExpert = zeros(experts);
  const double each = 1 / double(expert.numel());
  const std::int64_t* chosen = expert.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < expert.numel(); ++i) {
    const std::int64_t domain = domainOfToken[std::size_t(i / expert.size(1))];
    joint[std::size_t(domain * experts + chosen[i])] += each;
    byDomain[std::size_t(domain)] += each;
    byExpert[std::size_t(chosen[i])] += each;
  }
  double sum = 0;
  for (std::int64_t d = 0; d < domains; ++d)
    for (std::int64_t e = 0; e < experts; ++e)
      if (const double p = joint[std::size_t(d * experts + e)]; p > 0)
        sum += p * std::log(p / (byDomain[std::size_t(d)] * byExpert[std::size_t(e)]));
  return std::max(0.0, sum);
}

// Norms over the experts' own tensors of one block, squared and summed: [expert]. `of` gives what is measured of a
// parameter.
at::Tensor squaredNorms(Decoder& model, std::int64_t block, Group group, std::int64_t experts,
                        at::Tensor (*of)(const at::Tensor&)) {
  at::Tensor sum = at::zeros({experts}, at::kDouble);
  const std::string prefix = fmt::format("layers.{}.", block);
  for (const NamedTensor& parameter : model.parameters()) {
    if (parameter.group != group || !parameter.name.starts_with(prefix) || parameter.value.size(0) != experts) continue;
    if (const at::Tensor measured = of(parameter.value); measured.defined())
      sum += measured.detach().cpu().to(at::kDouble).flatten(1).square().sum(1);
  }
  return sum;
}

// Root mean square over an expert's tokens of the norm of what it gives them, before its weight: [expert].
std::vector<double> outputNorms(Decoder& model, const LayerRouting& routing, std::int64_t experts) {
  const std::string prefix = fmt::format("layers.{}.experts.", routing.block);
  at::Tensor gateUp, down;
  for (const NamedTensor& parameter : model.parameters()) {
    if (parameter.name == prefix + "gate_up") gateUp = parameter.value;
    if (parameter.name == prefix + "down") down = parameter.value;
  }
  const at::Tensor squares =
      expertOutputs(routing.input, routing.assignments, gateUp, down).to(at::kDouble).square().sum(1).cpu();
  std::vector<double> norms;
  for (std::int64_t e = 0; e < experts; ++e) {
    const std::int64_t first = routing.assignments.offsets[std::size_t(e)];
    const std::int64_t count = routing.assignments.offsets[std::size_t(e) + 1] - first;
    norms.push_back(std::sqrt(squares.narrow(0, first, count).mean().item<double>()));  // the mean of nothing is NaN
  }
  return norms;
}

}  // namespace

Expected<Probe> Probe::open(const Corpus& corpus, const TokenisedCorpus& ids, std::span<const Window> windows,
                            std::int64_t length) {
  Probe probe;
  TRY_ASSIGN(probe.batch_, gather(corpus, ids, windows, length));
  return probe;
}

std::vector<Metric> Probe::look(Decoder& model) {
  at::NoGradGuard quiet;
  const BatchTensors tensors = tensorsOf(batch_, model.device());
  const Forward forward = model.forward(tensors.id, {.valid = tensors.valid, .logits = false, .inputs = true});
  const auto layers = std::int64_t(forward.routing.size());
  if (layers == 0) return {};
  const std::int64_t experts = model.config().moe.experts;
  std::vector<std::int64_t> domainOfToken;
  for (std::size_t place = 0; place < batch_.real.size(); ++place)
    if (batch_.real[place]) domainOfToken.push_back(batch_.domain[place / std::size_t(batch_.length)]);
  const std::int64_t domains = 1 + std::int64_t(*std::max_element(batch_.domain.begin(), batch_.domain.end()));

  Metric change{"routing_change", {}, {layers}}, shared{"domain_information", {}, {layers}};
  std::vector<Metric> norms{{"router_weight_norm", {}, {layers, experts}},
                            {"expert_weight_norm", {}, {layers, experts}},
                            {"expert_gradient_norm", {}, {layers, experts}}};
  Metric outputs{"expert_output_norm", {}, {layers, experts}};
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const LayerRouting& routing = forward.routing[std::size_t(layer)];
    const std::vector<double> given = outputNorms(model, routing, experts);
    outputs.values.insert(outputs.values.end(), given.begin(), given.end());
    at::Tensor expert = routing.assignments.expert;
    if (tensors.valid.defined()) expert = expert.index({tensors.valid.flatten()});
    expert = expert.cpu().contiguous();
    at::Tensor& before = seen_[fmt::format("probe.{}", layer)];
    change.values.push_back(before.defined() ? changed(expert, before) : std::numeric_limits<double>::quiet_NaN());
    before = expert;
    shared.values.push_back(information(expert, domainOfToken, domains, experts));
    const auto value = [](const at::Tensor& tensor) { return tensor; };
    const auto gradient = [](const at::Tensor& tensor) { return tensor.grad(); };
    const at::Tensor measured[] = {squaredNorms(model, routing.block, Group::router, experts, value),
                                   squaredNorms(model, routing.block, Group::expert, experts, value),
                                   squaredNorms(model, routing.block, Group::expert, experts, gradient)};
    for (std::size_t i = 0; i < norms.size(); ++i)
      for (std::int64_t e = 0; e < experts; ++e) norms[i].values.push_back(std::sqrt(measured[i][e].item<double>()));
  }
  norms.push_back(std::move(outputs));
  norms.push_back(std::move(change));
  norms.push_back(std::move(shared));
  return norms;
}

}  // namespace moescope
