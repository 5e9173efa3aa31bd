// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

namespace moescope {

// Random numbers that are a pure function of where they are used, so that nothing has to be saved to resume a run.
// The mixer is the finaliser of SplitMix64 (Steele, Lea, Flood 2014), a bijection of 64 bits.
constexpr std::uint64_t mixBits(std::uint64_t bits) {
  bits += 0x9e3779b97f4a7c15ull;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9ull;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebull;
  return bits ^ (bits >> 31);
}

// 64 bits for one use: a stream of a seed (batches, sampling, ...), a step and an index within the step.
constexpr std::uint64_t counterBits(std::uint64_t seed, std::uint64_t stream, std::uint64_t step, std::uint64_t index) {
  return mixBits(mixBits(mixBits(mixBits(seed) ^ stream) ^ step) ^ index);
}

// Uniform in [0, 1), 53 bits.
constexpr double uniformFrom(std::uint64_t bits) {
  return double(bits >> 11) * 0x1.0p-53;
}

// Uniform in [0, bound) by multiplication; the bias is below bound / 2^64.
constexpr std::uint64_t belowFrom(std::uint64_t bits, std::uint64_t bound) {
  return std::uint64_t((static_cast<unsigned __int128>(bits) * bound) >> 64);
}

}  // namespace moescope
