// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string_view>

namespace moescope {

// Block scales of FP8 weights: one number for that many rows and columns (weight_block_size of config.json, never told
// by shapes). Its name says that it is an inverse, but it multiplies.
struct ScaleBlocks {
  std::int64_t rows = 0, columns = 0;  // 0: no block scales
};

// Whether a tensor holds the scales of an FP8 weight that lies beside it: "...weight_scale_inv", of a fused one
// "gate_up_proj_scale_inv". And the name of that weight.
inline bool isScale(std::string_view name) { return name.ends_with("_scale_inv"); }
inline std::string_view scaledName(std::string_view name) { return name.substr(0, name.size() - 10); }

}  // namespace moescope
