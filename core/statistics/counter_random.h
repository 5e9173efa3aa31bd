// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <cstdint>

namespace moescope {

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, SC 2011): number `counter` of
// key `key`, without a state, so that results depend neither on the order of the draws nor on the threads that make
// them.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

// One stream of a seed. Each (seed, stream, index) gives its own numbers; any thread.
class CounterRandom {
 public:
  CounterRandom(std::uint64_t seed, std::uint64_t stream) : seed_(seed), stream_(stream) {}
  std::array<std::uint64_t, 2> bits(std::uint64_t index) const;  // two independent words
  std::uint64_t next();                                          // word after word from index 0
  std::uint64_t below(std::uint64_t count) {
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(next()) * count) >> 64);
  }
  double uniform() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1p-53; }  // inside (0, 1)
  double normal();                                                                  // Box and Muller 1958

 private:
  std::uint64_t seed_, stream_, index_ = 0;
  std::array<std::uint64_t, 2> words_ = {};
  bool second_ = false;
};

}  // namespace moescope
