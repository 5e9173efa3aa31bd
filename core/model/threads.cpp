// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/threads.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace moescope {

void useThreads(int threads) {
  at::set_num_threads(threads > 0 ? threads : std::max(1, int(std::thread::hardware_concurrency())));
}

double measuredRate() {
  constexpr std::int64_t size = 512;
  const at::Tensor left = at::empty({size, size}).fill_(0.5), right = at::empty({size, size}).fill_(0.25);
  double best = 0;
  for (int trial = 0; trial < 6; ++trial) {
    const auto start = std::chrono::steady_clock::now();
    const at::Tensor product = at::mm(left, right);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::max(best, 2.0 * size * size * size / seconds);
  }
  return best;
}

}  // namespace moescope
