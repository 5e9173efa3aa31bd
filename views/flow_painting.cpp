// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/flow_painting.h"

#include <QFontMetricsF>

namespace moescope {

QRectF blockBox(const Blocks& blocks, std::size_t i, const Frame& frame) {
  return QRectF(QPointF(frame.across(blocks.x0[i]), frame.down(blocks.y0[i])),
                QPointF(frame.across(blocks.x1[i]), frame.down(blocks.y1[i])))
             .normalized() &
         frame.area;
}

// The rise of a ribbon is a cubic curve with its control points at thirds of the way.
QPainterPath ribbonPath(const Ribbons& ribbons, std::size_t i, const Frame& frame) {
  const double left = frame.across(ribbons.x0[i]), right = frame.across(ribbons.x1[i]), third = (right - left) / 3;
  const double y0 = frame.down(ribbons.y0[i]), y1 = frame.down(ribbons.y1[i]),
               top0 = frame.down(ribbons.y0[i] + ribbons.height0[i]),
               top1 = frame.down(ribbons.y1[i] + ribbons.height1[i]);
  QPainterPath path(QPointF(left, y0));
  path.cubicTo(left + third, y0, right - third, y1, right, y1);
  path.lineTo(right, top1);
  path.cubicTo(right - third, top1, left + third, top0, left, top0);
  path.closeSubpath();
  return path;
}

void paintBlocks(QPainter& painter, const Blocks& blocks, const Frame& frame, const PaintStyle& style) {
  painter.save();
  painter.setFont(style.font);
  const QFontMetricsF metrics(style.font, painter.device());
  const double room = 0.7 * metrics.height();
  for (std::size_t i = 0; i < blocks.x0.size(); ++i) {
    const QRectF box = blockBox(blocks, i, frame);
    const bool several = blocks.index[i] < 0;
    painter.fillRect(box, blocks.selected[i] ? style.selectionInk : style.ink(several ? Ink::neutral : blocks.ink));
    if (several) {
      painter.setPen(solidPen(style.ink(Ink::muted), 0.75 * style.unit));
      painter.setBrush(Qt::NoBrush);
      painter.drawRect(box);
    }
    if (box.height() < room || blocks.label[i].empty()) continue;
    painter.setPen(blocks.selected[i] ? legible(style.selectionInk, style.surface) : style.ink(Ink::text));
    const QPointF at(box.right() + 4 * style.unit, box.center().y() + 0.35 * metrics.ascent());
    const QString text =
        metrics.elidedText(QString::fromStdString(blocks.label[i]), Qt::ElideRight, frame.area.right() - at.x());
    painter.drawText(at, text);
  }
  painter.restore();
}

void paintRibbons(QPainter& painter, const Ribbons& ribbons, const std::optional<ColourScale>& scale,
                  const Frame& frame, const PaintStyle& style) {
  painter.save();
  painter.setPen(Qt::NoPen);
  // A little of the quiet ink goes in: the centre of the scale would vanish in the surface.
  const QColor quiet = style.ink(Ink::muted);
  const auto seen = [&](const QColor& hue) {
    constexpr float share = 0.25f;
    return QColor::fromRgbF(hue.redF() + share * (quiet.redF() - hue.redF()),
                            hue.greenF() + share * (quiet.greenF() - hue.greenF()),
                            hue.blueF() + share * (quiet.blueF() - hue.blueF()));
  };
  for (bool selected : {false, true})
    for (std::size_t i = 0; i < ribbons.x0.size(); ++i) {
      if (ribbons.selected[i] != selected) continue;
      QColor fill = selected ? style.selectionInk
                    : scale  ? seen(colour(colourOf(*scale, ribbons.colour[i], style.ground)))
                             : style.ink(Ink::muted);
      fill.setAlphaF(float(selected ? std::max(0.55, ribbons.strength[i]) : ribbons.strength[i]));
      painter.setBrush(fill);
      painter.drawPath(ribbonPath(ribbons, i, frame));
    }
  painter.restore();
}

}  // namespace moescope
