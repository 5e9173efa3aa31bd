// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/dot_painting.h"

#include <QFontMetricsF>
#include <algorithm>
#include <cmath>

namespace moescope {

namespace {

constexpr double radius = 3.2, selectedRadius = 4.5;  // in units

struct DotPainting {
  QPainter& painter;
  const Dots& dots;
  const Frame& frame;
  const PaintStyle& style;

  QPointF place(std::size_t i) const { return {frame.across(dots.x[i]), frame.down(dots.y[i])}; }
  bool selected(std::size_t i) const { return !dots.selected.empty() && dots.selected[i]; }
  bool visible(std::size_t i) const {
    const QPointF at = place(i);
    return std::isfinite(at.x()) && std::isfinite(at.y()) && frame.area.contains(at);
  }

  void whiskers(std::size_t i) const {
    const QRectF& area = frame.area;
    const QPointF at = place(i);
    if (!dots.xLow.empty() && std::isfinite(dots.xLow[i]) && std::isfinite(dots.xHigh[i]))
      painter.drawLine(QPointF(std::clamp(frame.across(dots.xLow[i]), area.left(), area.right()), at.y()),
                       QPointF(std::clamp(frame.across(dots.xHigh[i]), area.left(), area.right()), at.y()));
    if (!dots.yLow.empty() && std::isfinite(dots.yLow[i]) && std::isfinite(dots.yHigh[i]))
      painter.drawLine(QPointF(at.x(), std::clamp(frame.down(dots.yLow[i]), area.top(), area.bottom())),
                       QPointF(at.x(), std::clamp(frame.down(dots.yHigh[i]), area.top(), area.bottom())));
  }

  void dot(std::size_t i) const {
    QColor fill = selected(i) ? style.selectionInk : style.ink(dots.ink);
    if (!selected(i)) fill.setAlphaF(dots.x.size() > 400 ? 0.35f : 0.7f);
    painter.setPen(Qt::NoPen);
    painter.setBrush(fill);
    const double size = (selected(i)           ? selectedRadius
                         : dots.x.size() > 400 ? 0.6 * radius
                                               : radius) *
                        style.unit * (style.cellsAsImage ? 0.5 : 1);  // on paper the unit is a point
    painter.drawEllipse(place(i), size, size);
  }

  // A name that would cover another is left out; the read-out still has it.
  void names() const {
    const QFontMetricsF metrics(style.font, painter.device());
    std::vector<QRectF> taken;
    painter.setFont(style.font);
    for (bool chosen : {true, false})
      for (std::size_t i = 0; i < dots.label.size(); ++i) {
        if (selected(i) != chosen || dots.label[i].empty() || !visible(i)) continue;
        const QString text = QString::fromStdString(dots.label[i]);
        const double width = metrics.horizontalAdvance(text), gap = 6 * style.unit;
        const QPointF at = place(i);
        QRectF box(at.x() + gap, at.y() - 0.5 * metrics.height(), width, metrics.height());
        if (box.right() > frame.area.right()) box.moveRight(at.x() - gap);
        if (!frame.area.contains(box)) continue;
        if (std::ranges::any_of(taken, [&](const QRectF& other) { return other.intersects(box); })) continue;
        taken.push_back(box);
        painter.setPen(chosen ? legible(style.selectionInk, style.surface) : style.ink(Ink::muted));
        painter.drawText(box, Qt::AlignLeft | Qt::AlignVCenter, text);
      }
  }
};

}  // namespace

void paintDots(QPainter& painter, const Dots& dots, const Frame& frame, const PaintStyle& style) {
  painter.save();
  const DotPainting painting{painter, dots, frame, style};
  if (!dots.xLow.empty() || !dots.yLow.empty()) {
    painter.setPen(solidPen(style.ink(Ink::line), style.thin * style.unit));
    for (std::size_t i = 0; i < dots.x.size(); ++i)
      if (painting.visible(i)) painting.whiskers(i);
  }
  for (bool chosen : {false, true})
    for (std::size_t i = 0; i < dots.x.size(); ++i)
      if (painting.selected(i) == chosen && painting.visible(i)) painting.dot(i);
  painting.names();
  painter.restore();
}

}  // namespace moescope
