// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/torch_operations.h"

#include <vector>

namespace moescope {

std::span<const Operation> torchOperations() {
  static const std::vector<Operation> operations{
  };
  return operations;
}

}  // namespace moescope
