// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/LegacyTypeDispatch.h>

#include <algorithm>
#include <atomic>

namespace moescope {

// Calls work(i) for every i of 0..items-1 on LibTorch's threads, each taking the next one as it gets free; so results
// must not depend on who does what. Inside, ATen computes on the calling thread alone.
template <class Work>
void shareOut(std::int64_t items, const Work& work) {
  std::atomic<std::int64_t> next{0};
  at::parallel_for(0, std::min<std::int64_t>(items, at::get_num_threads()), 1, [&](std::int64_t from, std::int64_t to) {
    // Threads of the pool know nothing of the caller's guards, so they set their own.
    const at::AutoDispatchBelowADInplaceOrView guard;
    for (std::int64_t t = from; t < to; ++t)
      for (std::int64_t i = next++; i < items; i = next++) work(i);
  });
}

}  // namespace moescope
