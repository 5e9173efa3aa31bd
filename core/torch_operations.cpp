// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/torch_operations.h"

#include <vector>

#include "core/capture/operations.h"
#include "core/training/operations.h"

namespace moescope {

std::span<const Operation> torchOperations() {
  static const std::vector<Operation> operations{
      trainLm,
      captureRouting,
      captureActivations,
      evaluateLoss,
      modelSample,
  };
  return operations;
}

}  // namespace moescope
