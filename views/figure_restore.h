// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json.hpp>

#include "core/base/expected.h"

namespace moescope {

class Workbench;

// Goes on from a figure that we wrote (its provenance): one panel is shown on its page as it was looked at, several
// come back as the sheet. Input error when the study lacks the result.
Expected<void> goOnFrom(const Json& provenance, Workbench& workbench);

}  // namespace moescope
