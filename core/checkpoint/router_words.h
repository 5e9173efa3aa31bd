// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/checkpoint/model_config.h"

namespace moescope {

// How tokens find their experts, in one sentence for a reader: "A softmax over 128 experts; ...". Empty for a dense
// model.
std::string routerInWords(const ModelConfig& config);

}  // namespace moescope
