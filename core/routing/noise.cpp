// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/routing/noise.h"

#include <ATen/ops/empty.h>

namespace moescope {

at::Tensor normalNoise(const at::Tensor& like, at::Generator generator) {
  return at::empty(like.sizes(), at::kFloat).normal_(0, 1, std::move(generator)).to(like.device());
}

at::Tensor uniformNoise(const at::Tensor& like, double low, double high, at::Generator generator) {
  return at::empty(like.sizes(), at::kFloat).uniform_(low, high, std::move(generator)).to(like.device());
}

}  // namespace moescope
