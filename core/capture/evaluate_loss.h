// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/operation/operation.h"

namespace moescope {

Operation evaluateLoss();  // evaluate.loss: nats a token, with intervals

}  // namespace moescope
