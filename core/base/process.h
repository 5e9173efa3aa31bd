// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>

namespace moescope {

// When a living process was started, in clock ticks since boot (/proc/PID/stat field 22): together with the number it
// tells a process from a later one that reuses the number. Nothing when there is none, or when it is a zombie.
std::optional<std::int64_t> processStart(std::int64_t pid);

}  // namespace moescope
