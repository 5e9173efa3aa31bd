// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/item_painting.h"

#include <QFontMetricsF>
#include <QPainterPath>
#include <algorithm>
#include <cmath>
#include <optional>

#include "views/cell_painting.h"
#include "views/dot_painting.h"
#include "views/flow_painting.h"
#include "views/theme.h"

namespace moescope {

namespace {

double share(const DrawingAxis& axis, double value) {
  const double at = axis.logarithmic
                        ? (std::log(value) - std::log(axis.low)) / (std::log(axis.high) - std::log(axis.low))
                        : (value - axis.low) / (axis.high - axis.low);
  return axis.reversed ? 1 - at : at;
}

// The part of a segment within the rectangle (Liang and Barsky 1984), or nothing.
std::optional<QLineF> clipped(const QLineF& segment, const QRectF& area) {
  double from = 0, to = 1;
  const double steps[] = {-segment.dx(), segment.dx(), -segment.dy(), segment.dy()};
  const double rooms[] = {segment.x1() - area.left(), area.right() - segment.x1(), segment.y1() - area.top(),
                          area.bottom() - segment.y1()};
  for (int side = 0; side < 4; ++side) {
    if (steps[side] == 0) {
      if (rooms[side] < 0) return std::nullopt;
    } else if (steps[side] < 0) {
      from = std::max(from, rooms[side] / steps[side]);
    } else {
      to = std::min(to, rooms[side] / steps[side]);
    }
  }
  if (from > to) return std::nullopt;
  return QLineF(segment.pointAt(from), segment.pointAt(to));
}

struct Painting {
  QPainter& painter;
  const Drawing& drawing;
  const Frame& frame;
  const PaintStyle& style;

  QRectF within(double x0, double y0, double x1, double y1) const {
    return QRectF(QPointF(frame.across(x0), frame.down(y0)), QPointF(frame.across(x1), frame.down(y1))).normalized() &
           frame.area;
  }

  void paint(const Cells& cells) const {
    if (drawing.scale)
      paintCells(painter, cells, *drawing.scale,
                 within(-0.5, -0.5, double(cells.columns) - 0.5, double(cells.rows) - 0.5), frame, style);
  }

  // On screen the edges of bars are whole pixels, so that equal bars are equally wide; a selected one is never too thin
  // to see.
  QRectF barBox(const Bars& bars, std::size_t i, double pitch, bool selected) const {
    const double half = bars.width.empty() ? 0.5 : 0.5 * bars.width[i];
    QRectF box = within(bars.x[i] - half, 0, bars.x[i] + half, bars.height[i]);
    if (!bars.width.empty()) pitch = box.width();
    const double apart = bars.width.empty() ? std::max(style.unit, 0.12 * pitch) : style.unit;  // bins touch
    const double gap = pitch < 3 * style.unit ? 0 : apart;
    const double least = selected ? 3 * style.unit : 0;
    if (!style.cellsAsImage) {
      box.setLeft(std::round(box.left()));
      box.setRight(std::max(std::round(box.right()), box.left() + 1));
    }
    box.adjust(0, 0, -gap, 0);
    if (box.width() < least) box.setWidth(least);
    return box & frame.area;
  }

  void paint(const Bars& bars) const {
    const double pitch = std::abs(frame.across(1) - frame.across(0));
    painter.setRenderHint(QPainter::Antialiasing, style.cellsAsImage);
    for (bool selected : {false, true})
      for (std::size_t i = 0; i < bars.x.size(); ++i)
        if (std::isfinite(bars.height[i]) && (!bars.selected.empty() && bars.selected[i]) == selected)
          painter.fillRect(barBox(bars, i, pitch, selected), selected ? style.selectionInk : style.ink(bars.ink));
    painter.setRenderHint(QPainter::Antialiasing, true);
    if (bars.low.empty() || pitch < 4 * style.unit) return;
    painter.setPen(solidPen(style.ink(Ink::text), 0.75 * style.thin * style.unit));
    for (std::size_t i = 0; i < bars.x.size(); ++i) {
      const double x = barBox(bars, i, pitch, false).center().x();
      const QLineF whisker(x, frame.down(bars.low[i]), x, frame.down(bars.high[i]));
      if (const auto line = clipped(whisker, frame.area)) painter.drawLine(*line);
    }
  }

  QPen linePen(const Polyline& line) const {
    QPen pen = solidPen(style.ink(line.ink), (line.thin ? style.thin : style.line) * style.unit);
    pen.setJoinStyle(Qt::RoundJoin);
    if (line.dashed) pen.setDashPattern({4, 3});
    return pen;
  }

  void paint(const Polyline& line) const {
    painter.setPen(linePen(line));
    painter.setBrush(Qt::NoBrush);
    QPolygonF run;
    const auto flush = [&] {
      if (run.size() > 1) painter.drawPolyline(run);
      run.clear();
    };
    const auto point = [&](std::size_t i) { return QPointF(frame.across(line.x[i]), frame.down(line.y[i])); };
    const auto finite = [&](std::size_t i) {
      return i < line.y.size() && std::isfinite(line.y[i]) && std::isfinite(frame.down(line.y[i]));
    };
    for (std::size_t i = 0; i < line.x.size(); ++i) {
      if (!finite(i)) continue;
      if (!finite(i + 1)) {
        if (i == 0 || !finite(i - 1)) paintDot(point(i), line);
        continue;
      }
      const auto part = clipped({point(i), point(i + 1)}, frame.area);
      if (!part) {
        flush();
        continue;
      }
      if (run.isEmpty() || run.back() != part->p1()) {
        flush();
        run.push_back(part->p1());
      }
      run.push_back(part->p2());
    }
    flush();
  }

  // A value without neighbours is a dot: a line of one point would not be seen.
  void paintDot(const QPointF& at, const Polyline& line) const {
    if (!frame.area.contains(at)) return;
    const double radius = 2 * style.unit;
    painter.save();
    painter.setPen(Qt::NoPen);
    painter.setBrush(style.ink(line.ink));
    painter.drawEllipse(at, radius, radius);
    painter.restore();
  }

  void paint(const Band& band) const {
    QColor fill = style.ink(band.ink);
    if (band.ink != Ink::neutral) fill.setAlphaF(0.18f);
    painter.setPen(Qt::NoPen);
    painter.setBrush(fill);
    const auto inside = [&](double y) { return std::clamp(frame.down(y), frame.area.top(), frame.area.bottom()); };
    QPolygonF upper, lower;
    const auto flush = [&] {
      if (upper.size() > 1) {
        std::reverse(lower.begin(), lower.end());
        painter.drawPolygon(upper + lower);
      }
      upper.clear();
      lower.clear();
    };
    for (std::size_t i = 0; i < band.x.size(); ++i) {
      if (!std::isfinite(band.low[i]) || !std::isfinite(band.high[i])) {
        flush();
        continue;
      }
      const double x = std::clamp(frame.across(band.x[i]), frame.area.left(), frame.area.right());
      upper.push_back({x, inside(band.high[i])});
      lower.push_back({x, inside(band.low[i])});
    }
    flush();
    painter.setBrush(Qt::NoBrush);
  }

  void paint(const Rule& rule) const {
    const double at = rule.horizontal ? frame.down(rule.at) : frame.across(rule.at);
    const QLineF whole = rule.horizontal ? QLineF(frame.area.left(), at, frame.area.right(), at)
                                         : QLineF(at, frame.area.top(), at, frame.area.bottom());
    const auto line = clipped(whole, frame.area);
    if (!line) return;
    QPen pen = solidPen(style.ink(rule.ink), style.thin * style.unit);
    if (rule.dashed) pen.setDashPattern({4, 3});
    painter.setPen(pen);
    painter.drawLine(*line);
    if (rule.label.empty()) return;
    painter.setFont(style.font);
    painter.setPen(style.ink(rule.ink == Ink::accent ? Ink::accent : Ink::muted));
    const QFontMetricsF metrics(style.font, painter.device());
    const QString label = QString::fromStdString(rule.label);
    if (!rule.horizontal) {
      const double width = metrics.horizontalAdvance(label), gap = 4 * style.unit;
      const bool leftwards = at + gap + width > frame.area.right();
      painter.drawText(QPointF(leftwards ? at - gap - width : at + gap, frame.area.top() + metrics.ascent()), label);
      return;
    }
    painter.drawText(
        QPointF(frame.area.right() - metrics.horizontalAdvance(label) - 2 * style.unit, at - 4 * style.unit), label);
  }

  void paint(const Outline& outline) const {
    painter.setPen(
        solidPen(outline.ink == Ink::accent ? style.selectionInk : style.ink(outline.ink), style.line * style.unit));
    painter.setBrush(Qt::NoBrush);
    painter.drawRect(within(outline.x0, outline.y0, outline.x1, outline.y1));
  }

  void paint(const Dots& dots) const { paintDots(painter, dots, frame, style); }
  void paint(const Blocks& blocks) const { paintBlocks(painter, blocks, frame, style); }
  void paint(const Ribbons& ribbons) const { paintRibbons(painter, ribbons, drawing.scale, frame, style); }
};

}  // namespace

double Frame::across(double value) const {
  return area.left() + share(x, value) * area.width();
}
double Frame::down(double value) const {
  return area.bottom() - share(y, value) * area.height();
}

QColor legible(const QColor& hue, const QColor& ground) {
  const QColor end = ground.lightness() < 128 ? Qt::white : Qt::black;
  QColor ink = hue;
  for (int step = 1; step <= 20 && contrast(ink, ground) < 4.5; ++step) {
    const float share = float(step) / 20;
    ink = QColor::fromRgbF(hue.redF() + share * (end.redF() - hue.redF()),
                           hue.greenF() + share * (end.greenF() - hue.greenF()),
                           hue.blueF() + share * (end.blueF() - hue.blueF()));
  }
  return ink;
}

QColor colour(const Rgb& rgb) {
  return QColor(rgb.red, rgb.green, rgb.blue);
}

QPen solidPen(const QColor& colour, double width) {
  QPen pen(colour, width);
  pen.setCapStyle(Qt::FlatCap);
  pen.setCosmetic(false);
  return pen;
}

void paintItems(QPainter& painter, const Drawing& drawing, const Frame& frame, const PaintStyle& style) {
  painter.save();
  painter.setRenderHint(QPainter::Antialiasing, true);
  const Painting painting{painter, drawing, frame, style};
  for (const Item& item : drawing.items) std::visit([&](const auto& each) { painting.paint(each); }, item);
  painter.restore();
}

double endLabelWidth(const Drawing& drawing, const QFont& font, const QPaintDevice* device) {
  const QFontMetricsF metrics(font, const_cast<QPaintDevice*>(device));
  double widest = 0;
  for (const Item& item : drawing.items)
    if (const auto* line = std::get_if<Polyline>(&item); line && !line->label.empty())
      widest = std::max(widest, metrics.horizontalAdvance(QString::fromStdString(line->label)));
  return widest;
}

void paintEndLabels(QPainter& painter, const Drawing& drawing, const Frame& frame, const PaintStyle& style) {
  struct Label {
    double y;
    const Polyline* line;
  };
  std::vector<Label> labels;
  for (const Item& item : drawing.items) {
    const auto* line = std::get_if<Polyline>(&item);
    if (!line || line->label.empty()) continue;
    for (std::size_t i = line->y.size(); i-- > 0;)
      if (std::isfinite(line->y[i]) && line->x[i] <= frame.x.high) {
        labels.push_back({std::clamp(frame.down(line->y[i]), frame.area.top(), frame.area.bottom()), line});
        break;
      }
  }
  std::ranges::stable_sort(labels, {}, &Label::y);
  const QFontMetricsF metrics(style.font, painter.device());
  const double step = metrics.height();
  // Down past each other, then up again from the bottom edge.
  for (std::size_t i = 1; i < labels.size(); ++i) labels[i].y = std::max(labels[i].y, labels[i - 1].y + step);
  double bottom = frame.area.bottom();
  for (std::size_t i = labels.size(); i-- > 0; bottom -= step) {
    if (labels[i].y <= bottom) break;
    labels[i].y = bottom;
  }
  painter.setFont(style.font);
  for (const Label& label : labels) {
    painter.setPen(legible(style.ink(label.line->ink), style.surface));
    painter.drawText(QPointF(frame.area.right() + 6 * style.unit, label.y + 0.35 * metrics.ascent()),
                     QString::fromStdString(label.line->label));
  }
}

}  // namespace moescope
