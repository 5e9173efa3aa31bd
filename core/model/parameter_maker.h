// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Generator.h>

#include <vector>

#include "core/model/named_tensor.h"

namespace moescope {

// Makes parameters in a fixed order from one generator, so that a seed names a model; without one (null) they are
// uninitialised. Adds each to `into`.
class ParameterMaker {
 public:
  ParameterMaker(std::vector<NamedTensor>& into, at::Generator* seed, at::Device device)
      : into_(into), seed_(seed), device_(device) {}

  at::Tensor normal(const std::string& name, at::IntArrayRef shape, double deviation, Group group = Group::dense);
  // N(0, factor^2 / fan-in).
  at::Tensor matrix(const std::string& name, at::IntArrayRef shape, double factor = 1, Group group = Group::dense);
  at::Tensor filled(const std::string& name, at::IntArrayRef shape, double value, Group group = Group::dense);

 private:
  at::Tensor add(const std::string& name, at::Tensor tensor, Group group);
  std::vector<NamedTensor>& into_;
  at::Generator* seed_;
  at::Device device_;
};

}  // namespace moescope
