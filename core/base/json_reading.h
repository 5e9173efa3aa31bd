// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "core/base/expected.h"

namespace moescope {

// Strict JSON from text; `file` is named in the error together with the byte offset. Depth is limited to 128.
Expected<Json> parseJson(std::string_view text, const std::string& file = {});
Expected<Json> readJson(const std::filesystem::path& path, std::uint64_t maximumBytes = 256u << 20);

}  // namespace moescope
