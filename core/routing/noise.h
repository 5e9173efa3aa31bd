// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

namespace moescope {

// Noise in the shape and on the device of `like`, drawn on the host from a host's generator: the same for every device.
at::Tensor normalNoise(const at::Tensor& like, at::Generator generator);                            // N(0, 1)
at::Tensor uniformNoise(const at::Tensor& like, double low, double high, at::Generator generator);  // [low, high)

}  // namespace moescope
