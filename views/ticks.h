// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFontMetricsF>
#include <algorithm>
#include <vector>

#include "core/result/drawing.h"

namespace moescope {

inline double widestTick(const std::vector<Tick>& ticks, const QFontMetricsF& metrics) {
  double widest = 0;
  for (const Tick& tick : ticks)
    widest = std::max(widest, metrics.horizontalAdvance(QString::fromStdString(tick.text)));
  return widest;
}

// Words are turned where they do not fit side by side; numbers are left out.
inline bool areWords(const std::vector<Tick>& ticks) {
  return std::ranges::any_of(
      ticks, [](const Tick& tick) { return tick.text.find_first_not_of("0123456789.-kMGT") != std::string::npos; });
}

}  // namespace moescope
