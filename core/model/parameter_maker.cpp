// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/parameter_maker.h"

#include <ATen/ops/empty.h>

#include <cmath>

namespace moescope {

at::Tensor ParameterMaker::normal(const std::string& name, at::IntArrayRef shape, double deviation, Group group) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  if (seed_) tensor.normal_(0, deviation, *seed_);
  return add(name, std::move(tensor), group);
}

at::Tensor ParameterMaker::matrix(const std::string& name, at::IntArrayRef shape, double factor, Group group) {
  return normal(name, shape, factor / std::sqrt(static_cast<double>(shape.back())), group);
}

at::Tensor ParameterMaker::filled(const std::string& name, at::IntArrayRef shape, double value, Group group) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  if (seed_) tensor.fill_(value);
  return add(name, std::move(tensor), group);
}

at::Tensor ParameterMaker::add(const std::string& name, at::Tensor tensor, Group group) {
  tensor = tensor.to(device_).set_requires_grad(true);
  into_.push_back({name, tensor, group});
  return tensor;
}

}  // namespace moescope
