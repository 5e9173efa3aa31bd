// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/operation/operation.h"

namespace moescope {

Operation modelSample();  // model.sample: a text goes on, with where each token was routed

}  // namespace moescope
