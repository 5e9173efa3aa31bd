// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/model_config.h"
#include "core/checkpoint/slot.h"
#include "core/checkpoint/stored_names.h"

namespace moescope {

// Every tensor of a model of these switches under a family's names. Where a folder is given, each layer's experts are
// taken in whatever layout they are stored there, and other tensors under the names that they have there; what is
// missing keeps the family's own name.
std::vector<Slot> decoderSlots(const ModelConfig& config, const TensorNames& names, const StoredNames& stored = {});

}  // namespace moescope
