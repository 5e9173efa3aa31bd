// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/plot_layers.h"

#include <algorithm>

#include "core/result/scale.h"
#include "views/flow_painting.h"
#include "views/theme.h"

namespace moescope {

namespace {

QRectF box(const Frame& frame, double x0, double y0, double x1, double y1) {
  return QRectF(QPointF(frame.across(x0), frame.down(y0)), QPointF(frame.across(x1), frame.down(y1))).normalized() &
         frame.area;
}

}  // namespace

void PlotView::ItemsLayer::draw(QCPPainter* painter) {
  if (!view_->drawing_) return;
  const Frame frame = view_->frame();
  const PaintStyle style = view_->style();
  paintItems(*painter, *view_->drawing_, frame, style);
  paintEndLabels(*painter, *view_->drawing_, frame, style);
  if (view_->drawing_->scale) paintScale(*painter, *view_->drawing_->scale, frame, style);
}

void PlotView::ItemsLayer::paintScale(QPainter& painter, const ColourScale& scale, const Frame& frame,
                                      const PaintStyle& style) const {
  const QRectF bar(frame.area.right() + barGap, frame.area.top(), barWidth, frame.area.height());
  paintColourBar(painter, scale, bar, style);
  const QFontMetricsF metrics(style.font, painter.device());
  painter.setFont(style.font);
  painter.setPen(style.ink(Ink::muted));
  const int room = std::max(1, int(bar.height() / (1.5 * metrics.height())));
  for (const Tick& tick : thinned(scale.ticks, std::size_t(room))) {
    const double share = (tick.at - scale.low) / (scale.high - scale.low);
    const double y = std::clamp(bar.bottom() - share * bar.height() + 0.35 * metrics.ascent(),
                                bar.top() + 0.7 * metrics.ascent(), bar.bottom());
    painter.drawText(QPointF(bar.right() + tickGap, y), QString::fromStdString(tick.text));
  }
}

void PlotView::MarksLayer::draw(QCPPainter* painter) {
  if (!view_->drawing_) return;
  const Frame frame = view_->frame();
  painter->setRenderHint(QPainter::Antialiasing, true);
  painter->setBrush(Qt::NoBrush);
  for (const Item& item : view_->drawing_->items) {
    if (const auto* cells = std::get_if<Cells>(&item)) light(*painter, *cells, frame);
    if (const auto* bars = std::get_if<Bars>(&item)) light(*painter, *bars, frame);
    if (const auto* dots = std::get_if<Dots>(&item)) light(*painter, *dots, frame);
    if (const auto* blocks = std::get_if<Blocks>(&item)) light(*painter, *blocks, frame);
  }
  if (!view_->spot_) return;
  markSpot(*painter, *view_->spot_, frame);
  if (!view_->readOut_.isEmpty()) paintReadOut(*painter, view_->spot_->where);
}

const std::set<qint64>& PlotView::MarksLayer::lit(const std::string& axis) const {
  static const std::set<qint64> none;
  const auto found = view_->highlighted_.find(QString::fromStdString(axis));
  return found == view_->highlighted_.end() ? none : found->second;
}

void PlotView::MarksLayer::light(QPainter& painter, const Cells& cells, const Frame& frame) const {
  painter.setPen(solidPen(currentTheme().accent, 1));
  const double rows = double(cells.rows) - 0.5, columns = double(cells.columns) - 0.5;
  const std::set<qint64>&litRows = lit(cells.rowAxis), &litColumns = lit(cells.columnAxis);
  if (litRows.empty() && litColumns.empty()) return;
  for (std::int64_t row = 0; row < cells.rows; ++row)
    if (litRows.contains(indexOf(cells.rowIndex, row)))
      painter.drawRect(box(frame, -0.5, double(row) - 0.5, columns, double(row) + 0.5));
  for (std::int64_t column = 0; column < cells.columns; ++column)
    if (litColumns.contains(indexOf(cells.columnIndex, column)))
      painter.drawRect(box(frame, double(column) - 0.5, -0.5, double(column) + 0.5, rows));
}

void PlotView::MarksLayer::light(QPainter& painter, const Bars& bars, const Frame& frame) const {
  QColor wash = currentTheme().accent;
  wash.setAlphaF(0.22f);
  for (std::size_t i = 0; i < bars.x.size(); ++i)
    if (!bars.axis.empty() && lit(bars.axis).contains(indexOf(bars.index, std::int64_t(i))))
      painter.fillRect(box(frame, bars.x[i] - 0.5, frame.y.low, bars.x[i] + 0.5, frame.y.high), wash);
}

void PlotView::MarksLayer::light(QPainter& painter, const Dots& dots, const Frame& frame) const {
  painter.setPen(solidPen(currentTheme().accent, 1.5));
  for (std::size_t i = 0; i < dots.index.size(); ++i) {
    const QPointF at(frame.across(dots.x[i]), frame.down(dots.y[i]));
    const bool there = dots.place.empty() || lit(dots.placeAxis).empty() || lit(dots.placeAxis).contains(dots.place[i]);
    if (there && lit(dots.axis).contains(dots.index[i]) && frame.area.contains(at)) painter.drawEllipse(at, 6, 6);
  }
}

void PlotView::MarksLayer::light(QPainter& painter, const Blocks& blocks, const Frame& frame) const {
  painter.setPen(solidPen(currentTheme().accent, 1.5));
  for (std::size_t i = 0; i < blocks.index.size(); ++i)
    if (lit(blocks.axis).contains(blocks.index[i])) painter.drawRect(blockBox(blocks, i, frame).adjusted(-2, -1, 2, 1));
}

void PlotView::MarksLayer::markSpot(QPainter& painter, const Spot& spot, const Frame& frame) const {
  const Theme& theme = currentTheme();
  const Item& item = view_->drawing_->items[spot.item];
  if (const auto* cells = std::get_if<Cells>(&item)) {
    const double row = double(*spot.row), column = double(*spot.column);
    QColor faint = theme.text;
    faint.setAlphaF(0.45f);
    painter.setPen(solidPen(faint, 1));
    painter.drawRect(box(frame, -0.5, row - 0.5, double(cells->columns) - 0.5, row + 0.5));
    painter.setPen(solidPen(theme.text, 2));
    painter.drawRect(box(frame, column - 0.5, row - 0.5, column + 0.5, row + 0.5));
  } else if (const auto* bars = std::get_if<Bars>(&item)) {
    QColor wash = theme.text;
    wash.setAlphaF(0.1f);
    const double half = bars->width.empty() ? 0.5 : 0.5 * bars->width[spot.at];
    painter.fillRect(box(frame, bars->x[spot.at] - half, frame.y.low, bars->x[spot.at] + half, frame.y.high), wash);
  } else if (const auto* ribbons = std::get_if<Ribbons>(&item)) {
    painter.setPen(solidPen(theme.text, 1));
    painter.drawPath(ribbonPath(*ribbons, spot.at, frame));
  } else if (const auto* blocks = std::get_if<Blocks>(&item)) {
    painter.setPen(solidPen(theme.text, 1.5));
    painter.drawRect(blockBox(*blocks, spot.at, frame));
  } else if (const auto* dots = std::get_if<Dots>(&item)) {
    painter.setPen(solidPen(theme.text, 1.5));
    painter.drawEllipse(QPointF(frame.across(dots->x[spot.at]), frame.down(dots->y[spot.at])), 6, 6);
  } else if (const auto* line = std::get_if<Polyline>(&item)) {
    painter.setPen(solidPen(theme.surface, 1.5));
    painter.setBrush(theme.ink(line->ink));
    painter.drawEllipse(spot.where, 4, 4);
    painter.setBrush(Qt::NoBrush);
  }
}

// Beside the pointer, and always whole within the widget.
void PlotView::MarksLayer::paintReadOut(QPainter& painter, const QPointF& at) const {
  const Theme& theme = currentTheme();
  const QFont font = captionFont();
  const QFontMetricsF metrics(font, painter.device());
  const QRectF words = metrics.boundingRect(QRectF(0, 0, 420, 400), Qt::AlignLeft | Qt::TextWordWrap, view_->readOut_);
  QRectF panel(at + QPointF(14, 14), words.size() + QSizeF(18, 12));
  const QRectF room = QRectF(view_->viewport()).adjusted(2, 2, -2, -2);
  if (panel.right() > room.right()) panel.moveRight(std::max(at.x() - 14, room.left() + panel.width()));
  if (panel.bottom() > room.bottom()) panel.moveBottom(std::max(at.y() - 14, room.top() + panel.height()));
  painter.setPen(Qt::NoPen);
  painter.setBrush(theme.readOut);
  painter.drawRoundedRect(panel, 5, 5);
  painter.setBrush(Qt::NoBrush);
  painter.setFont(font);
  painter.setPen(theme.readOutText);
  painter.drawText(panel.adjusted(9, 6, -9, -6), Qt::AlignLeft | Qt::TextWordWrap, view_->readOut_);
}

}  // namespace moescope
