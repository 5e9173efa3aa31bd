// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/tensor_statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace moescope {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TensorStatistics::TensorStatistics() : low_(nan), high_(nan), codes_(1 << 16, 0) {}

void TensorStatistics::add(std::span<const float> numbers) {
  float low = std::numeric_limits<float>::infinity(), high = -low;
  for (const float number : numbers) {
    ++codes_[std::bit_cast<std::uint32_t>(number) >> 16];
    if (!std::isfinite(number)) {
      ++(std::isnan(number) ? nans_ : infinities_);
      continue;
    }
    zeros_ += number == 0;
    low = std::min(low, number);
    high = std::max(high, number);
    sum_ += number;
    squares_ += static_cast<double>(number) * number;
  }
  count_ += std::ssize(numbers);
  if (low > high) return;
  low_ = std::isnan(low_) ? low : std::min<double>(low_, low);
  high_ = std::isnan(high_) ? high : std::max<double>(high_, high);
}

double TensorStatistics::mean() const {
  return finite() > 0 ? sum_ / static_cast<double>(finite()) : nan;
}

double TensorStatistics::rootMeanSquare() const {
  return finite() > 0 ? std::sqrt(squares_ / static_cast<double>(finite())) : nan;
}

double TensorStatistics::deviation() const {
  if (finite() == 0) return nan;
  return std::sqrt(std::max(0.0, squares_ / static_cast<double>(finite()) - mean() * mean()));
}

std::vector<double> TensorStatistics::histogram(std::int64_t bins) const {
  std::vector<double> counts(static_cast<std::size_t>(bins), 0);
  if (finite() == 0) return counts;
  const double width = (high_ - low_) / static_cast<double>(bins);
  for (std::uint32_t code = 0; code < codes_.size(); ++code) {
    if (codes_[code] == 0) continue;
    const float start = std::bit_cast<float>(code << 16), middle = std::bit_cast<float>(code << 16 | 0x8000u);
    if (!std::isfinite(start)) continue;
    const double number = std::clamp<double>(middle, low_, high_);
    const double bin = width > 0 ? std::floor((number - low_) / width) : 0;
    counts[static_cast<std::size_t>(std::clamp<double>(bin, 0, static_cast<double>(bins - 1)))] +=
        static_cast<double>(codes_[code]);
  }
  return counts;
}

}  // namespace moescope
