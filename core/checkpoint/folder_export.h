// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>

#include "core/base/expected.h"

namespace moescope {

// Writes a checkpoint again, as a folder that transformers loads: the bytes of its tensors are copied, not decoded, and
// all files beside them (config, tokenizer, chat template, code). Where an index is missing or does not fit the files,
// a new one is written; where a header does not say that its tensors are PyTorch's, it is written anew. All of `out` is
// there in the end, or nothing. Usage error where something is there already. Memory: 8 MiB. `progress` gets bytes
// copied and bytes in all, and may answer false to stop.
using CopyProgress = std::function<bool(std::uint64_t done, std::uint64_t total)>;
Expected<void> exportFolder(const std::filesystem::path& from, const std::filesystem::path& out,
                            const CopyProgress& progress = {});

}  // namespace moescope
