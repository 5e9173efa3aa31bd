// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/routing/assignments.h"

namespace moescope {

struct ForwardContext {
  bool training = false;                        // router noise, capacity over the whole batch instead of a window
  std::optional<at::Generator> generator = {};  // of that noise
  at::Tensor valid = {};  // bool [B,S], false for padding on the right; undefined = all are tokens
  bool logits = true;     // false stops after the final norm
  bool inputs = false;    // keep what each sparse layer's router and experts saw
};

struct LayerRouting {
  std::int64_t block = 0;   // index in the model
  Assignments assignments;  // of the B*S tokens, batch-major
  at::Tensor input = {};    // [B*S,H]; only with ForwardContext::inputs
};

struct Forward {
  at::Tensor hidden;                         // [B,S,H] after the final norm
  at::Tensor logits;                         // [B,S,V]
  std::vector<LayerRouting> routing;         // one a sparse layer, in order
  std::map<std::string, at::Tensor> losses;  // auxiliary losses by name, summed over layers: "balance", "z", ...
};

}  // namespace moescope
