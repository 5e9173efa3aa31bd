// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/checkpoint/block_scales.h"
#include "core/checkpoint/checkpoint_folder.h"

namespace moescope {

// Input error, saying what to do, for a folder whose weights are in a form that is not read: GGUF, PyTorch pickles,
// packed four-bit types. Otherwise the blocks of its FP8 weights, if it has such.
Expected<ScaleBlocks> refuseUnread(const CheckpointFolder& folder, const Json& config);
// The same for a folder without config.json, and for a path that is a file: never empty.
Error notACheckpoint(const std::filesystem::path& path);

}  // namespace moescope
