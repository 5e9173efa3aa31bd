// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

#include "core/operation/operation.h"

namespace moescope {

// The explicit list of what needs LibTorch; only moescope-worker links it.
std::span<const Operation> torchOperations();

}  // namespace moescope
