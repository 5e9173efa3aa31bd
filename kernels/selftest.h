// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "kernels/module.h"

namespace moescope::kernels {

// One kernel held against its definition. Counting is exact, so the tolerance is zero.
struct Check {
  std::string name;
  bool present = false;      // false: the device has no such kernel, the CPU's runs instead
  bool ok = false;
  std::int64_t differences = 0;  // output entries that differ
  std::int64_t outputs = 0;
};

// Runs every slot of `table` on routed tokens of several shapes (k = 1, 2, 8; E = 1, 7, 64, 257; missing choices, weights that are not
// finite). What is expected comes from dense one-hot sums written here, an implementation apart from the kernels'. About 0.1 s on a CPU.
std::vector<Check> checkKernels(const Table& table);

}  // namespace moescope::kernels
