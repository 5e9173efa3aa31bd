// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/plot_view.h"

namespace moescope {

// What the drawing holds, with the colour bar and the names of lines beside it.
class PlotView::ItemsLayer : public QCPLayerable {
 public:
  explicit ItemsLayer(PlotView* view) : QCPLayerable(view, QStringLiteral("main")), view_(view) {}

  static constexpr int barWidth = 8, barGap = 12, tickGap = 6;  // of the colour bar, pixels

 protected:
  QRect clipRect() const override { return view_->viewport(); }
  void applyDefaultAntialiasingHint(QCPPainter*) const override {}
  void draw(QCPPainter* painter) override;

 private:
  void paintScale(QPainter& painter, const ColourScale& scale, const Frame& frame, const PaintStyle& style) const;

  PlotView* view_;
};

// What the pointer and the selection light up, and the read-out. A buffer of its own, so that hovering paints nothing
// else.
class PlotView::MarksLayer : public QCPLayerable {
 public:
  explicit MarksLayer(PlotView* view) : QCPLayerable(view, QStringLiteral("marks")), view_(view) {}

 protected:
  QRect clipRect() const override { return view_->viewport(); }
  void applyDefaultAntialiasingHint(QCPPainter*) const override {}
  void draw(QCPPainter* painter) override;

 private:
  const std::set<qint64>& lit(const std::string& axis) const;
  void light(QPainter& painter, const Cells& cells, const Frame& frame) const;
  void light(QPainter& painter, const Bars& bars, const Frame& frame) const;
  void light(QPainter& painter, const Dots& dots, const Frame& frame) const;
  void light(QPainter& painter, const Blocks& blocks, const Frame& frame) const;
  void markSpot(QPainter& painter, const Spot& spot, const Frame& frame) const;
  void paintReadOut(QPainter& painter, const QPointF& at) const;

  PlotView* view_;
};

}  // namespace moescope
