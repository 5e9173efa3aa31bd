// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "core/statistics/resampling.h"

namespace moescope {

// Runs every draw once on `draws.threads` threads. makeWorker() is called once on each thread, so that it may own a
// table, and gives what is called with the number of a draw. Cancelled error when `poll` says so.
template <class MakeWorker>
Expected<void> eachDraw(const Draws& draws, const Poll& poll, MakeWorker makeWorker) {
  std::atomic<std::int64_t> next = 0;
  std::atomic<bool> stopped = false;
  const auto work = [&] {
    auto worker = makeWorker();
    for (std::int64_t draw = next++; draw < draws.count && !stopped; draw = next++) {
      worker(draw);
      if (!poll(static_cast<double>(draw + 1) / static_cast<double>(draws.count))) stopped = true;
    }
  };
  {
    std::vector<std::jthread> others;
    for (int thread = 1; thread < draws.threads && thread < draws.count; ++thread) others.emplace_back(work);
    work();
  }
  if (stopped) return cancelledError();
  return {};
}

}  // namespace moescope
