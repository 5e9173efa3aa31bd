// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace moescope {

// One check of a router against its definition.
struct RouterCheck {
  std::string name;  // "softmax: weights"
  bool ok = false;
  double error = 0;  // largest absolute difference
  double tolerance = 0;
};

// Every router against closed forms, and its gradients against finite differences, on the CPU. Takes well under a
// second.
std::vector<RouterCheck> checkRouters();

}  // namespace moescope
