// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace moescope {

// A family of checkpoints that is known but not computed: what is in its files can be looked at, and its weights
// compared, but no routing captured.
struct UnrunFamily {
  std::string_view modelType;
  std::string_view experts;  // where and how they lie on disk, below a layer
  std::string_view why;      // what this version does not compute, as a clause
};

// The explicit list, by model_type.
std::span<const UnrunFamily> unrunFamilies();
const UnrunFamily* findUnrunFamily(std::string_view modelType);  // null for others

// Why routing is not available for models of that type, whole sentences.
std::string whyNotRun(std::string_view modelType);

}  // namespace moescope
