// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace moescope {

// What one pass over the numbers of a tensor tells, however many there are: 1 MiB. Counts are exact; the histogram
// knows a number to the 8 leading bits of its fraction (bfloat16), which is finer than a bin.
class TensorStatistics {
 public:
  TensorStatistics();
  void add(std::span<const float> numbers);

  std::int64_t count() const { return count_; }
  std::int64_t zeros() const { return zeros_; }
  std::int64_t nans() const { return nans_; }
  std::int64_t infinities() const { return infinities_; }
  double low() const { return low_; }  // of the finite ones, as mean and deviation; NaN where there is none
  double high() const { return high_; }
  double mean() const;
  double deviation() const;  // population
  double rootMeanSquare() const;

  // Counts of finite numbers in `bins` bins of equal width from low() to high().
  std::vector<double> histogram(std::int64_t bins) const;

 private:
  std::int64_t finite() const { return count_ - nans_ - infinities_; }
  std::int64_t count_ = 0, zeros_ = 0, nans_ = 0, infinities_ = 0;
  double low_, high_, sum_ = 0, squares_ = 0;
  std::vector<std::int64_t> codes_;  // by the upper 16 bits
};

}  // namespace moescope
