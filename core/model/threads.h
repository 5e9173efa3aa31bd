// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace moescope {

// Gives LibTorch this many threads, 0 = as many as the machine has. Once, at the start of a request: results are
// bit-equal for equal threads only.
void useThreads(int threads);

// Multiply-adds of this machine, as operations (2 a pair) a second: the best of a few matrix products that take some 50
// ms.
double measuredRate();

}  // namespace moescope
