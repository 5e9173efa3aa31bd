// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/operation/operation.h"

namespace moescope {

Operation captureRouting();  // capture.routing: where a model sends every token of a corpus

}  // namespace moescope
