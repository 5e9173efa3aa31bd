// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/analysis/segment_counts.h"

#include <algorithm>

#include "core/trace/trace.h"

namespace moescope {

SegmentCounts::SegmentCounts(std::int64_t experts, std::int64_t length)
    : length_(length),
      count_(static_cast<std::size_t>(experts)),
      since_(count_.size()),
      histogram_(static_cast<std::size_t>(length) + 1),
      ring_(static_cast<std::size_t>(length)),
      covered_(count_.size() + 1) {}

void SegmentCounts::begin() {
  token_ = 0;
  std::ranges::fill(count_, 0);
  std::ranges::fill(since_, length_ - 1);  // the first whole run ends here
  std::ranges::fill(histogram_, 0.0);
  for (auto& each : ring_) each.clear();
}

// A count holds for all runs from its change to the next one.
void SegmentCounts::change(std::uint16_t expert, std::int64_t by) {
  std::int64_t& since = since_[expert];
  if (token_ > since) {
    histogram_[static_cast<std::size_t>(count_[expert])] += static_cast<double>(token_ - since);
    since = token_;
  }
  count_[expert] += by;
}

void SegmentCounts::add(std::span<const std::uint16_t> chosen) {
  std::vector<std::uint16_t>& place = ring_[static_cast<std::size_t>(token_ % length_)];
  for (std::uint16_t expert : place) change(expert, -1);
  place.clear();
  for (std::uint16_t expert : chosen)
    if (expert != noExpert) {
      change(expert, 1);
      place.push_back(expert);
    }
  ++token_;
  if (token_ % length_ == 0) cover();
}

void SegmentCounts::cover() {
  sorted_ = count_;
  std::ranges::sort(sorted_, std::greater<>());
  double sum = 0;
  for (std::size_t s = 0; s < sorted_.size(); ++s) {
    sum += static_cast<double>(sorted_[s]);
    covered_[s + 1] += sum;
  }
  offered_ += sum;
}

void SegmentCounts::end(std::span<double> histogram) {
  if (token_ < length_) return;
  for (std::size_t e = 0; e < count_.size(); ++e)
    histogram_[static_cast<std::size_t>(count_[e])] +=
        static_cast<double>(std::max<std::int64_t>(token_ - since_[e], 0));
  for (std::size_t c = 0; c < histogram.size(); ++c) histogram[c] += histogram_[c];
}

SegmentFit segmentFit(std::span<const double> histogram) {
  const auto length = static_cast<double>(histogram.size() - 1);
  double actual = 0;
  for (std::size_t c = 0; c < histogram.size(); ++c) actual += static_cast<double>(c) * histogram[c];
  SegmentFit best;
  double matches = 0, predicted = 0;
  for (std::size_t q = histogram.size(); q-- > 0;) {
    matches += static_cast<double>(q) * histogram[q];
    predicted += length * histogram[q];
    if (predicted + actual <= 0) continue;
    const double f1 = 2 * matches / (predicted + actual);
    if (f1 > best.f1) best = {f1, actual > 0 ? predicted / actual : 0};
  }
  return best;
}

}  // namespace moescope
