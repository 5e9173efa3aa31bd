// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/routing/router.h"

namespace moescope {

RouterKind softmaxRouter();      // softmax.cpp
RouterKind softmaxRawRouter();   // softmax_raw.cpp
RouterKind switchRouter();       // switch.cpp
RouterKind noisyRouter();        // noisy.cpp
RouterKind sigmoidBiasRouter();  // sigmoid_bias.cpp
RouterKind softmaxBiasRouter();  // softmax_bias.cpp
RouterKind sigmoidRouter();      // sigmoid.cpp
RouterKind sparsemixerRouter();  // sparsemixer.cpp

}  // namespace moescope
