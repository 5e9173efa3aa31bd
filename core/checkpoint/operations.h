// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/operation/operation.h"

namespace moescope {

extern const Operation modelImport;    // "model.import"
extern const Operation modelInspect;   // "model.inspect"
extern const Operation tensorInspect;  // "tensor.inspect"

}  // namespace moescope
