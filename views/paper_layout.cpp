// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/paper_layout.h"

#include <QFontDatabase>
#include <QFontMetricsF>
#include <QTextDocument>
#include <algorithm>
#include <cmath>

#include "core/result/scale.h"
#include "views/paper_table.h"
#include "views/ticks.h"
#include "views/token_document.h"

namespace moescope {

namespace {

// Points.
constexpr double axisLine = 0.5, tickLength = 2.5, tickGap = 1.5, labelGap = 2, edge = 1.5;
constexpr double barGap = 6, barWidth = 5, barTickGap = 2.5;
constexpr double lineHeight = 1.15,
                 rowHeight = 1.6;  // in font sizes; what a font says of its own height differs wildly

QFont paperFont(const QString& family, int points) {
  QFont font(family);
  font.setPixelSize(points);  // the painter has 72 units an inch, so a pixel is a point
  font.setHintingPreference(QFont::PreferNoHinting);
  return font;
}

double heightOf(const QFont& font) {
  return lineHeight * font.pixelSize();
}

}  // namespace

QString paperFamily(bool serif) {
  static const auto first = [](std::initializer_list<const char*> wanted) {
    const QStringList families = QFontDatabase::families();
    for (const char* family : wanted)
      if (families.contains(QLatin1String(family))) return QString::fromLatin1(family);
    return QFontDatabase::systemFont(QFontDatabase::GeneralFont).family();
  };
  return serif ? first({"STIX Two Text", "STIX", "TeX Gyre Termes", "Liberation Serif", "Nimbus Roman", "FreeSerif",
                        "DejaVu Serif"})
               : first({"Inter", "TeX Gyre Heros", "Liberation Sans", "Nimbus Sans", "FreeSans", "DejaVu Sans"});
}

PaperLayout::PaperLayout(const Drawing& drawing, const PaperStyle& style) : drawing_(drawing), paper_(style) {
  const QString family = paperFamily(style.venue.serif);
  text_ = paperFont(family, style.venue.text);
  tick_ = paperFont(family, style.venue.tick);
  const double scale = style.venue.text / 8.0;  // slides have thicker lines as they have bigger words
  style_.ink = [](Ink ink) { return colour(paperInk(ink)); };
  style_.surface = Qt::white;
  style_.font = tick_;
  style_.unit = scale;
  style_.line = 1;
  style_.thin = 0.6;
  style_.axis = axisLine;
  style_.cellsAsImage = true;
  style_.selectionInk = drawing.scale ? QColor(Qt::black) : colour(paperInk(Ink::accent));
  size_ = drawing.table ? tableSize() : drawing.text ? textSize() : plotSize();
}

double PaperLayout::thinnestLine() const {
  return std::min({style_.line, style_.thin, style_.axis}) * style_.unit;
}

QSize PaperLayout::plotSize() const {
  return {paper_.width(),
          int(std::lround(paper_.width() * (paper_.full && paper_.venue.column != paper_.venue.full ? 0.4 : 0.62)))};
}

void PaperLayout::paint(QPainter& painter) const {
  painter.setRenderHint(QPainter::Antialiasing, true);
  painter.setRenderHint(QPainter::TextAntialiasing, true);
  if (!drawing_.empty.empty()) {
    painter.setFont(text_);
    painter.setPen(Qt::black);
    painter.drawText(QRectF(QPointF(0, 0), QSizeF(size_)), Qt::AlignCenter | Qt::TextWordWrap,
                     QString::fromStdString(drawing_.empty));
  } else if (drawing_.table) {
    PaperTable(*drawing_.table, text_, paper_.width()).paint(painter);
  } else if (drawing_.text) {
    paintText(painter);
  } else {
    paintPlot(painter);
  }
}

std::vector<Tick> PaperLayout::verticalTicks(double room) const {
  if (drawing_.y.bare) return {};
  return axisTicks(drawing_.y, int(room / (1.3 * heightOf(tick_))));
}

void PaperLayout::paintPlot(QPainter& painter) const {
  const QFontMetricsF ticks(tick_, painter.device()), words(text_, painter.device());
  const double width = size_.width(), height = size_.height();
  double right = 0.5 * ticks.horizontalAdvance(QStringLiteral("00"));
  if (drawing_.scale) {
    right = barGap + barWidth + barTickGap + widestTick(drawing_.scale->ticks, ticks) + edge;
    if (!drawing_.scale->label.empty()) right += heightOf(text_) + labelGap;
  }
  if (const double labels = endLabelWidth(drawing_, style_.font, painter.device()); labels > 0)
    right = labels + 6 * style_.unit + edge;
  const std::vector<Tick> down = verticalTicks(height - 4 * heightOf(text_));
  const double left = edge + heightOf(text_) + labelGap + widestTick(down, ticks) + tickGap + tickLength;
  const double top = std::max(edge, 0.5 * heightOf(tick_));
  // Words that do not fit side by side are turned.
  const double across = width - left - right, longest = widestTick(drawing_.x.ticks, ticks);
  const bool turned = areWords(drawing_.x.ticks) && (longest + 3) * double(drawing_.x.ticks.size()) > across;
  const double below = turned ? 0.71 * (longest + heightOf(tick_)) : heightOf(tick_);
  const double bottom = edge + heightOf(text_) + labelGap + below + tickGap + tickLength;
  const Frame frame{QRectF(left, top, std::max(10.0, across), std::max(10.0, height - top - bottom)), drawing_.x,
                    drawing_.y};
  paintItems(painter, drawing_, frame, style_);
  paintEndLabels(painter, drawing_, frame, style_);
  if (drawing_.scale) paintScale(painter, frame);
  paintAxes(painter, frame, turned);
}

void PaperLayout::paintAxes(QPainter& painter, const Frame& frame, bool turned) const {
  const QRectF& area = frame.area;
  const QFontMetricsF ticks(tick_, painter.device()), words(text_, painter.device());
  painter.setPen(solidPen(Qt::black, axisLine * style_.unit));
  painter.drawLine(area.bottomLeft(), area.bottomRight());
  painter.drawLine(area.topLeft(), area.bottomLeft());
  painter.setFont(tick_);
  const double longest = widestTick(frame.x.ticks, ticks);
  const double room =
      turned
          ? area.width() / heightOf(tick_)
          : area.width() / ((frame.x.ticks.empty() ? ticks.horizontalAdvance(QStringLiteral("10000")) : longest) + 5) +
                1;
  for (const Tick& tick : axisTicks(frame.x, int(room))) {
    const double x = frame.across(tick.at), y = area.bottom() + tickLength + tickGap;
    const QString text = QString::fromStdString(tick.text);
    painter.drawLine(QPointF(x, area.bottom()), QPointF(x, area.bottom() + tickLength));
    if (turned) {
      painter.save();
      painter.translate(x + 0.3 * heightOf(tick_), y + 0.5 * heightOf(tick_));
      painter.rotate(-45);
      painter.drawText(QPointF(-ticks.horizontalAdvance(text), 0), text);
      painter.restore();
    } else {
      painter.drawText(QPointF(x - 0.5 * ticks.horizontalAdvance(text), y + ticks.ascent()), text);
    }
  }
  for (const Tick& tick : verticalTicks(area.height())) {
    const double y = frame.down(tick.at);
    const QString text = QString::fromStdString(tick.text);
    painter.drawLine(QPointF(area.left() - tickLength, y), QPointF(area.left(), y));
    painter.drawText(
        QPointF(area.left() - tickLength - tickGap - ticks.horizontalAdvance(text), y + 0.35 * ticks.ascent()), text);
  }
  painter.setFont(text_);
  const QString across = QString::fromStdString(frame.x.label),
                up = words.elidedText(QString::fromStdString(frame.y.label), Qt::ElideRight, size_.height() - 4);
  painter.drawText(
      QPointF(area.center().x() - 0.5 * words.horizontalAdvance(across), size_.height() - edge - words.descent()),
      across);
  painter.save();
  const double middle = std::clamp(area.center().y(), 0.5 * words.horizontalAdvance(up) + edge,
                                   size_.height() - 0.5 * words.horizontalAdvance(up) - edge);
  painter.translate(edge + words.ascent(), middle);
  painter.rotate(-90);
  painter.drawText(QPointF(-0.5 * words.horizontalAdvance(up), 0), up);
  painter.restore();
}

void PaperLayout::paintScale(QPainter& painter, const Frame& frame) const {
  const ColourScale& scale = *drawing_.scale;
  const QFontMetricsF ticks(tick_, painter.device()), words(text_, painter.device());
  const QRectF bar(frame.area.right() + barGap, frame.area.top(), barWidth, frame.area.height());
  paintColourBar(painter, scale, bar, style_);
  painter.setFont(tick_);
  painter.setPen(Qt::black);
  for (const Tick& tick : thinned(scale.ticks, std::size_t(std::max(1.0, bar.height() / (1.2 * heightOf(tick_)))))) {
    const double y = bar.bottom() - (tick.at - scale.low) / (scale.high - scale.low) * bar.height();
    painter.drawText(QPointF(bar.right() + barTickGap, y + 0.35 * ticks.ascent()), QString::fromStdString(tick.text));
  }
  if (scale.label.empty()) return;
  painter.setFont(text_);
  const QString label = QString::fromStdString(scale.label);
  painter.save();
  painter.translate(size_.width() - edge - words.descent(), bar.center().y());
  painter.rotate(-90);
  painter.drawText(QPointF(-0.5 * words.horizontalAdvance(label), 0), label);
  painter.restore();
}

QSize PaperLayout::tableSize() const {
  return {paper_.width(), int(std::ceil(PaperTable(*drawing_.table, text_, paper_.width()).height()))};
}

namespace {

void fill(QTextDocument& document, const DrawnText& text, const PaintStyle& style, const QFont& font,
          const QFont& legend, double width) {
  fillTokenDocument(document, text,
                    {.ink = style.ink,
                     .surface = Qt::white,
                     .text = Qt::black,
                     .font = font,
                     .legendFont = legend,
                     .lineHeight = 1.25});
  document.setUseDesignMetrics(true);
  document.setTextWidth(width);
}

}  // namespace

QSize PaperLayout::textSize() const {
  QTextDocument document;
  fill(document, *drawing_.text, style_, text_, tick_, paper_.width());
  return {paper_.width(), int(std::ceil(document.size().height())) + 2};
}

void PaperLayout::paintText(QPainter& painter) const {
  QTextDocument document;
  fill(document, *drawing_.text, style_, text_, tick_, paper_.width());
  document.drawContents(&painter);
}

}  // namespace moescope
