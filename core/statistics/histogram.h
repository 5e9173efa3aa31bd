// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <vector>

namespace moescope {

// Counts of equal bins over [-reach, reach). A value beyond them doubles the reach and joins bins in pairs, so that the
// counts depend on the values alone, neither on their order nor on how they were split.
class GrowingHistogram {
 public:
  static constexpr std::size_t bins = 128;
  explicit GrowingHistogram(double reach = 1) : reach_(reach), counts_(bins) {}
  void add(double value);     // one that is not finite is left out
  void growTo(double reach);  // at least so far; no further than it must
  double reach() const { return reach_; }
  double width() const { return 2 * reach_ / static_cast<double>(bins); }
  double lower(std::size_t bin) const { return -reach_ + static_cast<double>(bin) * width(); }
  const std::vector<std::int64_t>& counts() const { return counts_; }

 private:
  double reach_;
  std::vector<std::int64_t> counts_;
};

// The value below which `share` of the counts lie, linear within bins over [low, high]; NaN for none.
double histogramQuantile(const std::vector<std::int64_t>& counts, double low, double high, double share);

}  // namespace moescope
