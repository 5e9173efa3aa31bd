// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/result/result.h"

namespace moescope {

// A value over layers, and what one has to know to compare it with another paper's: "max / mean - 1, whole trace".
struct StatedValue {
  std::string name, convention;
};

// Adds the table `name`: of each stated value that the result has over "layer", its mean, percentiles and largest over
// layers, and its mean floor.
void addOverLayers(Result& result, const std::string& name, const std::vector<StatedValue>& stated);

// Says why the values are not there; figures of them then say so in place of a drawing.
void leaveOut(Result& result, const std::vector<std::string>& values, const std::string& why);

}  // namespace moescope
