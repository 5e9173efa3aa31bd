// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moescope {

// SplitMix64 (Steele, Lea, Flood 2014): the same numbers with every standard library.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  double uniform() { return (static_cast<double>(next() >> 11) + 0.5) * 0x1p-53; }  // in (0, 1)

 private:
  std::uint64_t state_;
};

std::uint64_t mixSeed(std::uint64_t seed, std::uint64_t stream);

// In nats, of probabilities that sum to 1.
double entropy(std::span<const double> probabilities);

// A stationary Markov chain of some order over the tokens 0 .. alphabet - 1, with random transition rows: everything
// about it is known.
class MarkovSource {
 public:
  MarkovSource(std::size_t alphabet, int order, std::uint64_t seed);
  std::size_t alphabet() const { return alphabet_; }
  std::span<const double> row(std::size_t context) const {
    return std::span(transitions_).subspan(context * alphabet_, alphabet_);
  }
  const std::vector<double>& stationary() const { return stationary_; }     // of the contexts, the oldest token first
  double entropyRate() const;                                               // nats a token
  std::vector<double> marginal() const;                                     // of one token
  std::vector<std::int32_t> draw(std::size_t count, Random& random) const;  // starts in the stationary distribution

 private:
  std::size_t alphabet_, contexts_ = 1;
  int order_;
  std::vector<double> transitions_, stationary_;  // [context, token], [context]
};

}  // namespace moescope
