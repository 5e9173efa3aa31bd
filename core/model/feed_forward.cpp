// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/feed_forward.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/silu.h>

namespace moescope {

at::Tensor feedForward(const at::Tensor& x, const at::Tensor& gateUp, const at::Tensor& down) {
  const at::Tensor both = at::linear(x, gateUp);
  const std::int64_t width = down.size(1);
  return at::linear(at::silu(both.narrow(-1, 0, width)).mul(both.narrow(-1, width, width)), down);
}

}  // namespace moescope
