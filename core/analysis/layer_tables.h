// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <vector>

#include "core/trace/trace.h"

namespace moescope {

// Arrays over [layer, expert] or [layer, expert, expert], padded to the layer with the most experts.
class LayerTables {
 public:
  LayerTables(const TraceInfo& info, int sides) : layers_(info.layers.size()), sides_(sides) {
    for (const TraceLayer& layer : info.layers)
      experts_ = std::max(experts_, static_cast<std::size_t>(std::max<std::int64_t>(layer.numExperts, 0)));
  }
  std::size_t experts() const { return experts_; }
  std::vector<double> empty(double padding) const {
    return std::vector<double>(layers_ * experts_ * (sides_ == 2 ? experts_ : 1), padding);
  }
  std::size_t cell(std::size_t layer, std::size_t i, std::size_t j) const {
    return (layer * experts_ + i) * experts_ + j;
  }

 private:
  std::size_t layers_, experts_ = 0;
  int sides_;
};

}  // namespace moescope
