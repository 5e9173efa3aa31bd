// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/json.h"

namespace moescope {

// What this machine has, as far as it shows without LibTorch or a CUDA library.
struct Machine {
  std::string processor;  // model name, "" where the system does not say
  int threads = 1;
  std::uint64_t memory = 0;          // bytes
  std::vector<std::string> devices;  // device nodes of NVIDIA GPUs: "/dev/nvidia0"
  static Machine look();
};

// [{"name":"cpu","title","threads","memory"},{"name":"cuda:0","title"}]
Json devicesJson(const Machine& machine);

}  // namespace moescope
