// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/icon_button.h"

#include <QPainter>
#include <QPainterPath>

#include "views/theme.h"

namespace moescope {
namespace {

// In a square of 16.
QPainterPath pathOf(Glyph glyph) {
  QPainterPath path;
  const auto line = [&](std::initializer_list<QPointF> points) {
    bool first = true;
    for (const QPointF& point : points) {
      first ? path.moveTo(point) : path.lineTo(point);
      first = false;
    }
  };
  switch (glyph) {
    case Glyph::save:
      line({{8, 2.5}, {8, 10}}), line({{5, 7.2}, {8, 10.2}, {11, 7.2}}), line({{3.5, 13}, {12.5, 13}});
      break;
    case Glyph::copy:
      path.addRect(3, 3, 7, 7), line({{12.5, 6}, {13, 6}, {13, 13}, {6, 13}, {6, 12.5}});
      break;
    case Glyph::help:
      break;
    case Glyph::close:
      line({{4, 4}, {12, 12}}), line({{12, 4}, {4, 12}});
      break;
    case Glyph::up:
      line({{4, 10}, {8, 6}, {12, 10}});
      break;
    case Glyph::down:
      line({{4, 6}, {8, 10}, {12, 6}});
      break;
    case Glyph::left:
      line({{10, 4}, {6, 8}, {10, 12}});
      break;
    case Glyph::right:
      line({{6, 4}, {10, 8}, {6, 12}});
      break;
    case Glyph::folder:
      line({{2.5, 12.5}, {2.5, 4}, {6.5, 4}, {8, 5.8}, {13.5, 5.8}, {13.5, 12.5}, {2.5, 12.5}});
      break;
    case Glyph::sides:
      path.addRect(2.5, 3, 11, 10), line({{10, 3}, {10, 13}});
      break;
  }
  return path;
}

}  // namespace

IconButton::IconButton(Glyph glyph, const QString& name, QWidget* parent) : QToolButton(parent), glyph_(glyph) {
  setToolTip(name);
  setAccessibleName(name);
  setFixedSize(22, 22);
  setFocusPolicy(Qt::TabFocus);
  setCursor(Qt::ArrowCursor);
}

void IconButton::setGlyph(Glyph glyph) {
  glyph_ = glyph;
  update();
}

void IconButton::paintEvent(QPaintEvent*) {
  const Theme& theme = currentTheme();
  QPainter painter(this);
  painter.setRenderHint(QPainter::Antialiasing);
  const bool lit = isEnabled() && (underMouse() || hasFocus() || isChecked());
  if (lit) {
    painter.setPen(Qt::NoPen);
    painter.setBrush(theme.neutral);
    painter.drawRoundedRect(rect(), 4, 4);
  }
  const QColor ink = !isEnabled() ? theme.faint : lit ? theme.text : theme.muted;
  painter.translate((width() - 16) / 2.0, (height() - 16) / 2.0);
  painter.setBrush(Qt::NoBrush);
  painter.setPen(QPen(ink, 1.3, Qt::SolidLine, Qt::RoundCap, Qt::RoundJoin));
  if (glyph_ == Glyph::help) {
    painter.setFont(textFont());
    painter.drawText(QRect(0, 0, 16, 16), Qt::AlignCenter, QStringLiteral("?"));
  } else {
    painter.drawPath(pathOf(glyph_));
  }
}

}  // namespace moescope
