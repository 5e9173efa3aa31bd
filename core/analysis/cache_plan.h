// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>

#include "core/analysis/counted_trace.h"
#include "core/analysis/layer_locality.h"

namespace moescope {

inline constexpr std::array<const char*, 5> cachePolicies{"LRU", "LFU", "Belady", "future 16", "most used"};

// Hit rates of one layer's caches.
struct CachedLayer {
  double chosen = 0;                            // experts of a token
  std::vector<std::int64_t> sizes = {};         // where all policies were simulated: k .. E
  std::vector<std::vector<double>> rates = {};  // by policy, by size of that list
  std::vector<double> recent = {};              // LRU, by size 0 .. E
};
// Any thread.
CachedLayer cachedLayer(const LayerLocality& locality, const CountedTrace& counted, std::size_t layer);

// Hit rates, added time and memory over sizes, and how to share a budget over layers.
void addCachePlan(Result& result, const CountedTrace& counted, const std::vector<CachedLayer>& layers,
                  const Parameters& set);

}  // namespace moescope
