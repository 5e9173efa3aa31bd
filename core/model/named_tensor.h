// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

namespace moescope {

// Which optimiser group a tensor belongs to.
enum class Group { dense, expert, router };

// A parameter or a buffer under the name of its role: "layers.3.experts.gate_up". `value` shares its storage with the
// model.
struct NamedTensor {
  std::string name;
  at::Tensor value;
  Group group = Group::dense;
};

}  // namespace moescope
