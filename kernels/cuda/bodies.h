// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

// Bodies of the counting kernels for a GPU, written so that the CPU can run the whole grid too: tests hold them against the
// definition on machines that have no device. The only file that asks which compiler reads it.
#ifdef __CUDACC__
#define MOESCOPE_BOTH __host__ __device__
#else
#define MOESCOPE_BOTH
#endif

namespace moescope::kernels::cuda {

// A body maps one item (an assignment, or a pair of them) to at most one addition: emit(index, amount).
struct CountAssignments {
  const std::uint16_t* expert;
  std::int64_t experts;
  template <class Emit>
  MOESCOPE_BOTH void operator()(std::int64_t item, Emit&& emit) const {
    if (expert[item] < experts) emit(expert[item], 1);
  }
};

struct CountByRank {
  const std::uint16_t* expert;
  std::int64_t k, experts;
  template <class Emit>
  MOESCOPE_BOTH void operator()(std::int64_t item, Emit&& emit) const {
    if (expert[item] < experts) emit((item % k) * experts + expert[item], 1);
  }
};

struct CountByGroup {
  const std::uint16_t* expert;
  std::int64_t k, experts;
  const std::uint32_t* group;
  template <class Emit>
  MOESCOPE_BOTH void operator()(std::int64_t item, Emit&& emit) const {
    if (expert[item] < experts) emit(static_cast<std::int64_t>(group[item / k]) * experts + expert[item], 1);
  }
};

// Items are pairs (choice here, choice there) of one token: token * k * nextK + choice * nextK + nextChoice.
struct CountPairs {
  const std::uint16_t* expert;
  std::int64_t k, experts;
  const std::uint16_t* next;
  std::int64_t nextK, nextExperts;
  template <class Emit>
  MOESCOPE_BOTH void operator()(std::int64_t item, Emit&& emit) const {
    const std::int64_t token = item / (k * nextK), pair = item % (k * nextK);
    const std::int64_t from = expert[token * k + pair / nextK], to = next[token * nextK + pair % nextK];
    if (from < experts && to < nextExperts) emit(from * nextExperts + to, 1);
  }
};

// Sums of weights in units of 2^-24 at [0, E), counts of weights that are not finite at [E, 2E).
struct SumWeights {
  const std::uint16_t* expert;
  const float* weight;
  std::int64_t experts;
  template <class Emit>
  MOESCOPE_BOTH void operator()(std::int64_t item, Emit&& emit) const {
    if (expert[item] >= experts) return;
    const double value = weight[item];
    if (value > -1e11 && value < 1e11) {  // false for NaN
      const double scaled = value * 16777216.0;
      // Half away from zero, as llround does; the sum fits because of the bound above.
      emit(expert[item], static_cast<std::int64_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5));
    } else {
      emit(experts + expert[item], 1);
    }
  }
};

// One block's work, in phases between barriers: clear its own counts, add its share of the items, add its counts to everybody's.
// `own` holds `outputs` entries shared by the block; a block without room for them (own == nullptr) adds straight to `total`.
// addOwn and addTotal are atomic on a device.
struct Block {
  std::int64_t block, blocks, threads;
  std::int64_t items, outputs;

  MOESCOPE_BOTH void clear(std::int64_t thread, unsigned long long* own) const {
    for (std::int64_t at = thread; own != nullptr && at < outputs; at += threads) own[at] = 0;
  }
  template <class Body, class AddOwn, class AddTotal>
  MOESCOPE_BOTH void add(std::int64_t thread, const Body& body, bool hasOwn, AddOwn&& addOwn, AddTotal&& addTotal) const {
    for (std::int64_t item = block * threads + thread; item < items; item += blocks * threads)
      body(item, [&](std::int64_t index, std::int64_t amount) {
        if (hasOwn) addOwn(index, amount);
        else addTotal(index, amount);
      });
  }
  template <class AddTotal>
  MOESCOPE_BOTH void flush(std::int64_t thread, const unsigned long long* own, AddTotal&& addTotal) const {
    for (std::int64_t at = thread; own != nullptr && at < outputs; at += threads)
      if (own[at] != 0) addTotal(at, static_cast<std::int64_t>(own[at]));
  }
};

}  // namespace moescope::kernels::cuda
