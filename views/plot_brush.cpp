// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/plot_brush.h"

#include <QRubberBand>

namespace moescope {

namespace {
constexpr double aClick = 6;  // pixels that a hand moves while it clicks
}

bool PlotBrush::dragging() const {
  return band_ != nullptr && band_->isVisible();
}

void PlotBrush::drag(const QPointF& to) {
  if (!dragging() && (to - from_).manhattanLength() < aClick) return;
  if (band_ == nullptr) band_ = new QRubberBand(QRubberBand::Rectangle, &plot_);
  band_->setGeometry(QRectF(from_, to).normalized().toAlignedRect());
  band_->show();
}

bool PlotBrush::release(const QPointF& to) {
  if (!dragging()) return false;
  band_->hide();
  rect_ = QRectF(from_, to).normalized();
  return true;
}

std::set<qint64> brushedPositions(const Frame& frame, bool across, double from, double to, std::int64_t count) {
  std::set<qint64> found;
  for (std::int64_t at = 0; at < count; ++at) {
    const double position = static_cast<double>(at);
    double low = across ? frame.across(position - 0.5) : frame.down(position - 0.5),
           high = across ? frame.across(position + 0.5) : frame.down(position + 0.5);
    if (low > high) std::swap(low, high);
    if (low < to && high > from) found.insert(at);
  }
  return found;
}

}  // namespace moescope
