// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/checkpoint/model_config.h"

namespace moescope {

// How a router's weights come from its logits, in the words of a trace's layer attributes.
struct RouterFacts {
  std::string score;          // "softmax", "sigmoid", "sparsemixer"
  bool renormalised = false;  // the weights of a token's choices are made to sum to `scale`
  double scale = 1;
};
RouterFacts routerFacts(const RouterConfig& router, std::int64_t topK);

}  // namespace moescope
