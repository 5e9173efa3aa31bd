// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <vector>

#include "core/model/named_tensor.h"

namespace moescope {

// Parameters that share a learning rate and a weight decay.
struct ParameterGroup {
  std::string name;                     // "dense", "norms", "experts", "router"
  std::vector<NamedTensor> parameters;  // leaves that require gradients
  double rate = 1;                      // multiple of the run's learning rate
  double decay = 0;                     // decoupled, per unit of learning rate
};

// What is trained at which rate: matrices decay, norms and routers do not; experts and routers have rates of their own.
struct GroupRates {
  double decay = 0.1, expertRate = 1, routerRate = 1;
};
std::vector<ParameterGroup> parameterGroups(std::span<const NamedTensor> parameters, const GroupRates& rates);

// AdamW (Loshchilov & Hutter 2019) in fp32. A parameter without a gradient is left alone, its moments too.
class AdamW {
 public:
  struct Settings {
    double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
  };
  AdamW(std::vector<ParameterGroup> groups, Settings settings);

  const std::vector<ParameterGroup>& groups() const { return groups_; }
  void zeroGradients();
  // Scales all gradients so that their joint norm is at most `maximum` (0 = leave them). Gives the norm before.
  double clip(double maximum);
  void step(double learningRate);
  // Moments and step counts by name, exact: what is saved is what goes on. The tensors are the live ones; copy into
  // them to restore.
  std::vector<NamedTensor> state() const;

 private:
  struct Moments {
    std::vector<at::Tensor> first, second, steps;  // one a parameter
  };
  std::vector<ParameterGroup> groups_;
  std::vector<Moments> moments_;
  Settings settings_;
};

// Joint l2 norm of the gradients of these, summed in fp64.
double gradientNorm(std::span<const NamedTensor> parameters);

}  // namespace moescope
