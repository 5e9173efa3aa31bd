// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "core/checkpoint/model_config.h"

namespace moescope {

// Why a tensor that has no place in a model of these switches is not read, as a clause: "it belongs to ...".
std::string unusedReason(std::string_view name, const ModelConfig& config);

// Whether such a tensor makes a forward impossible: it lies in a layer that is run, and what it does there is not
// known.
bool changesForward(std::string_view name, const ModelConfig& config);

}  // namespace moescope
