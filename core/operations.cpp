// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operations.h"

#include <vector>

namespace moescope {

std::span<const Operation> lightOperations() {
  static const std::vector<Operation> operations{
  };
  return operations;
}

}  // namespace moescope
