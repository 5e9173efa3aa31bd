// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/training/optimiser.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>

namespace moescope {

std::vector<ParameterGroup> parameterGroups(std::span<const NamedTensor> parameters, const GroupRates& rates) {
  std::vector<ParameterGroup> groups{{"dense", {}, 1, rates.decay},
                                     {"norms", {}, 1, 0},
                                     {"experts", {}, rates.expertRate, rates.decay},
                                     {"router", {}, rates.routerRate, 0}};
  for (const NamedTensor& parameter : parameters) {
    const bool matrix = parameter.value.dim() >= 2;
    const std::size_t group = parameter.group == Group::router   ? 3
                              : parameter.group == Group::expert ? 2
                              : matrix                           ? 0
                                                                 : 1;
    groups[group].parameters.push_back(parameter);
  }
  return groups;
}

AdamW::AdamW(std::vector<ParameterGroup> groups, Settings settings) : groups_(std::move(groups)), settings_(settings) {
  at::NoGradGuard quiet;
  for (const ParameterGroup& group : groups_) {
    Moments& moments = moments_.emplace_back();
    for (const auto& [name, tensor, kind] : group.parameters) {
      moments.first.push_back(at::zeros_like(tensor));
      moments.second.push_back(at::zeros_like(tensor));
      moments.steps.push_back(at::zeros({}, at::kFloat));
    }
  }
}

void AdamW::zeroGradients() {
  for (ParameterGroup& group : groups_)
    for (auto& [name, tensor, kind] : group.parameters) tensor.mutable_grad().reset();
}

double gradientNorm(std::span<const NamedTensor> parameters) {
  at::NoGradGuard quiet;
  double squares = 0;
  for (const auto& [name, tensor, kind] : parameters) {
    if (!tensor.grad().defined()) continue;
    const double norm = at::linalg_vector_norm(tensor.grad(), 2, std::nullopt, false, at::kDouble).item<double>();
    squares += norm * norm;
  }
  return std::sqrt(squares);
}

double AdamW::clip(double maximum) {
  double squares = 0;
  for (const ParameterGroup& group : groups_) {
    const double norm = gradientNorm(group.parameters);
    squares += norm * norm;
  }
  const double norm = std::sqrt(squares);
  if (maximum <= 0 || !(norm > maximum)) return norm;
  at::NoGradGuard quiet;
  for (ParameterGroup& group : groups_)
    for (auto& [name, tensor, kind] : group.parameters)
      if (tensor.grad().defined()) tensor.mutable_grad().mul_(maximum / norm);
  return norm;
}

void AdamW::step(double learningRate) {
  at::NoGradGuard quiet;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    std::vector<at::Tensor> parameters, gradients, first, second, steps;
    for (std::size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const at::Tensor& parameter = groups_[g].parameters[i].value;
      if (!parameter.grad().defined()) continue;
      parameters.push_back(parameter);
      gradients.push_back(parameter.grad().contiguous());
      first.push_back(moments_[g].first[i]);
      second.push_back(moments_[g].second[i]);
      steps.push_back(
          moments_[g].steps[i].add_(1));  // the fused kernel counts from 1 and leaves the counting to its caller
    }
    if (parameters.empty()) continue;
    at::_fused_adamw_(parameters, gradients, first, second, {}, steps, learningRate * groups_[g].rate, settings_.beta1,
                      settings_.beta2, groups_[g].decay, settings_.epsilon, /*amsgrad=*/false, /*maximize=*/false);
  }
}

std::vector<NamedTensor> AdamW::state() const {
  std::vector<NamedTensor> all;
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (std::size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const std::string& name = groups_[g].parameters[i].name;
      all.push_back({"optimiser.first." + name, moments_[g].first[i]});
      all.push_back({"optimiser.second." + name, moments_[g].second[i]});
      all.push_back({"optimiser.steps." + name, moments_[g].steps[i]});
    }
  return all;
}

}  // namespace moescope
