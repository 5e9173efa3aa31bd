// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <c10/core/Device.h>

#include <string>

#include "core/base/expected.h"

namespace moescope {

// "cpu", "auto", "cuda" or "cuda:N" to a device. LibTorch's CUDA half is opened only when one of the last three is
// asked for and this machine has a device (/dev/nvidia0); "auto" falls back to the CPU, the others fail with an
// environment error.
Expected<c10::Device> pickDevice(const std::string& name);

}  // namespace moescope
