// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointF>
#include <QRect>
#include <set>

#include "core/result/drawing.h"
#include "views/item_painting.h"

class QRubberBand;
class QWidget;

namespace moescope {

// A frame dragged over cells or bars: whose positions lie inside it. GUI thread.
class PlotBrush {
 public:
  explicit PlotBrush(QWidget& plot) : plot_(plot) {}
  void press(const QPointF& at) { from_ = at; }
  void drag(const QPointF& to);     // shows the frame once it is more than a click
  bool release(const QPointF& to);  // true when something was brushed: rect() says where
  bool dragging() const;
  const QRectF& rect() const { return rect_; }

 private:
  QWidget& plot_;
  QRubberBand* band_ = nullptr;  // the plot's child
  QPointF from_;
  QRectF rect_;
};

// The positions whose centre's unit cell meets the pixels from low to high, of an axis of `count` positions.
std::set<qint64> brushedPositions(const Frame& frame, bool across, double from, double to, std::int64_t count);

}  // namespace moescope
