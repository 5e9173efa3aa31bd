// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

// The lines of a model's chat template, which is a program in Jinja: shown, never run. Empty where there is none;
// several templates follow each other under their names. Input errors for files that are damaged.
Expected<std::vector<std::string>> readChatTemplate(const std::filesystem::path& folder);

}  // namespace moescope
