// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/torch_operations.h"

#include <vector>

#include "core/capture/capture_routing.h"
#include "core/capture/evaluate_loss.h"
#include "core/capture/model_sample.h"
#include "core/training/train_lm.h"

namespace moescope {

std::span<const Operation> torchOperations() {
  static const std::vector<Operation> operations{
      trainLm(),
      captureRouting(),
      evaluateLoss(),
      modelSample(),
  };
  return operations;
}

}  // namespace moescope
