// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

#include "core/operation/operation.h"

namespace moescope {

// The explicit list of what runs without LibTorch; a new operation is its file and one line in operations.cpp.
std::span<const Operation> lightOperations();

}  // namespace moescope
