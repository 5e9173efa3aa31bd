// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

// Caches of one layer's experts, for serving from slower memory. A token asks for its experts at once: what it finds
// are those that the cache held before it, and all of them are in the cache after it, so sizes are k or more. The first
// request ever for an expert is nobody's miss and counts nowhere; the cache lives on from document to document.
namespace moescope {

// Least recently used, all sizes in one pass (stack distances, Mattson et al. 1970).
class ReuseDistances {
 public:
  explicit ReuseDistances(std::int64_t experts) : count_(static_cast<std::size_t>(experts)) {}
  void add(std::span<const std::uint16_t> chosen);  // the strongest first; it stays longest
  // Requests that found their expert with so many more recent ones, [E]: a cache of s experts hits those below s.
  const std::vector<std::int64_t>& counts() const { return count_; }
  std::vector<double> hitRates() const;  // by size 0 .. E; NaN without requests

 private:
  std::vector<std::uint16_t> stack_;  // most recent first
  std::vector<std::int64_t> count_;
};

// Ids of tokens, [token, k], noExpert where a token has fewer.
struct RequestList {
  std::int64_t experts = 0, k = 0;
  std::vector<std::uint16_t> chosen;
};
// Least frequently used since the start, of equals the least recent goes.
double leastFrequentHitRate(const RequestList& requests, std::int64_t size);
// What is needed farthest in the future goes: no policy does better (Belady 1966).
double beladyHitRate(const RequestList& requests, std::int64_t size);

// How many of `slots` each layer gets so that all layers together hit most: `gain` by layer and size [E + 1] (hits of a
// token), at least `least` each. Exact, by dynamic programming. Fewer slots than that: the least of each.
std::vector<std::int64_t> bestSizes(const std::vector<std::vector<double>>& gain,
                                    const std::vector<std::int64_t>& least, std::int64_t slots);

}  // namespace moescope
