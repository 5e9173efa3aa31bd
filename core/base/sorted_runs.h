// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <vector>

namespace moescope {

// Sorts what consists of few ascending runs by merging them: time n log(runs). Falls back on std::sort where the runs
// are short. Not stable.
template <class T, class Less>
void sortRuns(std::vector<T>& items, Less less) {
  std::vector<std::size_t> starts{0};
  for (std::size_t at = 1; at < items.size(); ++at)
    if (less(items[at], items[at - 1])) starts.push_back(at);
  if (starts.size() * 16 > items.size() && starts.size() > 2) return std::sort(items.begin(), items.end(), less);
  starts.push_back(items.size());
  std::vector<T> merged;
  while (starts.size() > 2) {
    merged.clear();
    merged.reserve(items.size());
    std::vector<std::size_t> next{0};
    for (std::size_t run = 0; run + 1 < starts.size(); run += 2) {
      const auto first = items.begin() + static_cast<std::ptrdiff_t>(starts[run]);
      const auto middle = items.begin() + static_cast<std::ptrdiff_t>(starts[run + 1]);
      const auto last = run + 2 < starts.size() ? items.begin() + static_cast<std::ptrdiff_t>(starts[run + 2]) : middle;
      std::merge(first, middle, middle, last, std::back_inserter(merged), less);
      next.push_back(merged.size());
    }
    items.swap(merged);
    starts.swap(next);
  }
}

}  // namespace moescope
