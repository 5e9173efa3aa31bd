// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFont>
#include <QPainter>

#include "views/item_painting.h"
#include "views/paper.h"

namespace moescope {

// A Drawing laid out on paper, in points. The same for every format; the painter is scaled to 72 units an inch.
class PaperLayout {
 public:
  PaperLayout(const Drawing& drawing, const PaperStyle& style);
  QSize size() const { return size_; }
  void paint(QPainter& painter) const;
  const QFont& textFont() const { return text_; }
  double thinnestLine() const;  // points

 private:
  QSize plotSize() const;
  QSize tableSize() const;
  QSize textSize() const;
  void paintPlot(QPainter& painter) const;
  std::vector<Tick> verticalTicks(double room) const;  // points
  void paintAxes(QPainter& painter, const Frame& frame, bool turned) const;
  void paintScale(QPainter& painter, const Frame& frame) const;
  void paintText(QPainter& painter) const;

  const Drawing& drawing_;
  PaperStyle paper_;
  QFont text_, tick_;
  PaintStyle style_;
  QSize size_;
};

// The first installed family of those that go with Times (or with Helvetica) and have Latin letters.
QString paperFamily(bool serif);

}  // namespace moescope
