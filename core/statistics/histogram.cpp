// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/statistics/histogram.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace moescope {

void GrowingHistogram::growTo(double reach) {
  while (reach_ < reach) {
    std::vector<std::int64_t> joined(bins);
    for (std::size_t bin = 0; bin < bins; ++bin) joined[bins / 4 + bin / 2] += counts_[bin];
    counts_ = std::move(joined);
    reach_ *= 2;
  }
}

void GrowingHistogram::add(double value) {
  if (!std::isfinite(value)) return;
  if (value < -reach_) growTo(-value);
  if (value >= reach_) growTo(std::nextafter(value, std::numeric_limits<double>::infinity()));
  const double place = (value + reach_) / width();
  ++counts_[std::min(static_cast<std::size_t>(place), bins - 1)];
}

double histogramQuantile(const std::vector<std::int64_t>& counts, double low, double high, double share) {
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  if (total == 0) return std::numeric_limits<double>::quiet_NaN();
  const double width = (high - low) / static_cast<double>(counts.size());
  double before = 0;
  for (std::size_t bin = 0; bin < counts.size(); ++bin) {
    const auto count = static_cast<double>(counts[bin]);
    if (count > 0 && before + count >= share * total)
      return low + width * (static_cast<double>(bin) + std::clamp((share * total - before) / count, 0.0, 1.0));
    before += count;
  }
  return high;
}

}  // namespace moescope
