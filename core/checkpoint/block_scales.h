// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace moescope {

// Whether a tensor holds the scales of an FP8 weight that lies beside it: "...weight_scale_inv",
// "gate_up_proj_scale_inv".
inline bool isScale(std::string_view name) {
  return name.ends_with("_scale_inv");
}

}  // namespace moescope
