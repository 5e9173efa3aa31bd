// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/plot_view.h"

#include <algorithm>
#include <cmath>

#include "core/result/scale.h"
#include "views/flow_painting.h"
#include "views/plot_layers.h"
#include "views/theme.h"
#include "views/ticks.h"

namespace moescope {

namespace {

constexpr double reach = 24;  // pixels within which the pointer finds a point of a line

// Ticks of the drawing for whatever range is shown.
class DrawnTicker : public QCPAxisTicker {
 public:
  DrawingAxis axis;
  int room = 6;

  void generate(const QCPRange& range, const QLocale&, QChar, int, QVector<double>& ticks, QVector<double>* subTicks,
                QVector<QString>* labels) override {
    DrawingAxis shown = axis;
    shown.low = range.lower;
    shown.high = range.upper;
    ticks.clear();
    if (subTicks) subTicks->clear();
    if (labels) labels->clear();
    if (axis.bare) return;
    for (const Tick& tick : axisTicks(shown, room)) {
      ticks.push_back(tick.at);
      if (labels) labels->push_back(QString::fromStdString(tick.text));
    }
  }
};

double halfWidth(const Bars& bars, std::size_t at) {
  return bars.width.empty() ? 0.5 : 0.5 * bars.width[at];
}

DrawnTicker& tickerOf(QCPAxis* axis) {
  return static_cast<DrawnTicker&>(*axis->ticker());
}

}  // namespace

PlotView::PlotView(QWidget* parent) : QCustomPlot(parent) {
  setFocusPolicy(Qt::StrongFocus);
  setMouseTracking(true);
  addLayer(QStringLiteral("marks"), layer(QStringLiteral("overlay")), limBelow);
  layer(QStringLiteral("marks"))->setMode(QCPLayer::lmBuffered);
  new ItemsLayer(this);
  marks_ = new MarksLayer(this);
  for (QCPAxis* axis : {xAxis, yAxis}) axis->setTicker(QSharedPointer<DrawnTicker>::create());
  axisRect()->setAutoMargins(QCP::msLeft | QCP::msTop | QCP::msBottom);
  axisRect()->setMinimumMargins(QMargins(4, 8, 4, 4));
  plotLayout()->setMargins(QMargins(0, 0, 0, 0));
  setNoAntialiasingOnDrag(false);
  restyle();
}

PlotView::~PlotView() = default;

void PlotView::setDrawing(std::shared_ptr<const Drawing> drawing) {
  const bool zoomed = drawing_ && zooms() && xAxis->range() != QCPRange(drawing_->x.low, drawing_->x.high) &&
                      drawing_->x.label == drawing->x.label;
  drawing_ = std::move(drawing);
  spot_.reset();
  readOut_.clear();
  for (QCPAxis* axis : {xAxis, yAxis}) {
    const DrawingAxis& drawn = axis == xAxis ? drawing_->x : drawing_->y;
    axis->setScaleType(drawn.logarithmic ? QCPAxis::stLogarithmic : QCPAxis::stLinear);
    axis->setRangeReversed(drawn.reversed);
    axis->setLabel(QString::fromStdString(drawn.label));
    tickerOf(axis).axis = drawn;
  }
  setInteractions(zooms() ? QCP::iRangeDrag | QCP::iRangeZoom : QCP::Interactions());
  if (!zoomed) showAll();  // a running training does not take the view away from who looks closer
  restyle();
}

void PlotView::showAll() {
  xAxis->setRange(drawing_->x.low, drawing_->x.high);
  yAxis->setRange(drawing_->y.low, drawing_->y.high);
}

bool PlotView::zooms() const {
  return !cells() && std::ranges::any_of(drawing_->items, [](const Item& item) {
    return std::holds_alternative<Polyline>(item) || std::holds_alternative<Dots>(item);
  });
}

const Cells* PlotView::cells() const {
  for (const Item& item : drawing_->items)
    if (const auto* found = std::get_if<Cells>(&item)) return found;
  return nullptr;
}

void PlotView::setHighlighted(const QString& axis, const std::set<qint64>& indices) {
  auto& known = highlighted_[axis];
  if (known == indices) return;
  known = indices;
  layer(QStringLiteral("marks"))->replot();
}

void PlotView::restyle() {
  const Theme& theme = currentTheme();
  setBackground(theme.surface);
  for (QCPAxis* axis : {xAxis, yAxis}) {
    axis->setBasePen(Qt::NoPen);
    axis->setTickPen(Qt::NoPen);
    axis->setSubTickPen(Qt::NoPen);
    axis->setTickLength(0);
    axis->setSubTicks(false);
    axis->setTickLabelPadding(axis == xAxis ? 5 : 8);
    axis->setLabelPadding(4);
    axis->setTickLabelFont(captionFont());
    axis->setLabelFont(captionFont());
    axis->setTickLabelColor(theme.muted);
    axis->setLabelColor(theme.muted);
    axis->grid()->setSubGridVisible(false);
    axis->grid()->setZeroLinePen(Qt::NoPen);
    axis->grid()->setPen(solidPen(theme.line, 1));
  }
  xAxis->grid()->setVisible(false);
  yAxis->grid()->setVisible(drawing_ && !cells() && !drawing_->y.bare);
  rearrange();
}

// Leaves room at the right for the colour bar or the names of lines, and shows as many ticks as there is place for.
void PlotView::rearrange() {
  if (!drawing_) return;
  const QFontMetricsF metrics(captionFont(), this);
  double right = 10;
  if (drawing_->scale)
    right = ItemsLayer::barGap + ItemsLayer::barWidth + ItemsLayer::tickGap +
            widestTick(drawing_->scale->ticks, metrics) + 2;
  if (const double labels = endLabelWidth(*drawing_, captionFont(), this); labels > 0)
    right = std::max(right, labels + 10);
  right = std::min(right, 0.4 * width());
  axisRect()->setMargins(QMargins(0, 0, int(std::ceil(right)), 0));
  // The place that the axis texts leave is not known before the layout, so it is taken as the usual one.
  const double across = std::max(20.0, width() - right - 48), down = std::max(20.0, height() - 44.0);
  const std::vector<Tick>& named = drawing_->x.ticks;
  const double widest = named.empty() ? metrics.horizontalAdvance(QStringLiteral("10000")) : widestTick(named, metrics);
  const bool turned = areWords(named) && (widest + 6) * double(named.size()) > across;
  xAxis->setTickLabelRotation(turned ? -35 : 0);
  // The first of the turned labels must not be cut by the left edge.
  const double lean = turned ? 0.82 * metrics.horizontalAdvance(QString::fromStdString(named.front().text)) -
                                   0.5 * across / double(named.size())
                             : 0;
  axisRect()->setMinimumMargins(QMargins(std::max(4, int(std::ceil(lean)) + 14), 8, 4, 4));
  tickerOf(xAxis).room = turned ? int(across / (metrics.height() + 2)) : int(across / (widest + 12)) + 1;
  tickerOf(yAxis).room = int(down / (1.3 * metrics.height()));
  const auto fits = [&](const DrawingAxis& axis, double length) {
    return length > 60 && metrics.horizontalAdvance(QString::fromStdString(axis.label)) < length;
  };
  yAxis->setLabel(fits(drawing_->y, down) ? QString::fromStdString(drawing_->y.label) : QString());
  xAxis->setLabel(height() > 120 ? QString::fromStdString(drawing_->x.label) : QString());
  replot(rpQueuedReplot);
}

Frame PlotView::frame() const {
  const QRect rect = axisRect()->rect();
  Frame frame{QRectF(rect.left(), rect.bottom() - rect.height(), rect.width(), rect.height()), drawing_->x,
              drawing_->y};
  frame.x.low = xAxis->range().lower;
  frame.x.high = xAxis->range().upper;
  frame.y.low = yAxis->range().lower;
  frame.y.high = yAxis->range().upper;
  return frame;
}

PaintStyle PlotView::style() const {
  const Theme& theme = currentTheme();
  PaintStyle style;
  style.ink = [&theme](Ink ink) { return theme.ink(ink); };
  style.ground = {
      {std::uint8_t(theme.neutral.red()), std::uint8_t(theme.neutral.green()), std::uint8_t(theme.neutral.blue())},
      theme.dark};
  style.surface = theme.surface;
  style.font = captionFont();
  style.selectionInk = theme.accent;
  return style;
}

QPointF PlotView::pixelOf(double x, double y) const {
  return {xAxis->coordToPixel(x), yAxis->coordToPixel(y)};
}

std::optional<PlotView::Spot> PlotView::spotInFlow(const Item& item, std::size_t which, const QPointF& pixel) const {
  const Frame shown = frame();
  std::optional<Spot> found;
  if (const auto* ribbons = std::get_if<Ribbons>(&item))
    for (std::size_t at = 0; at < ribbons->x0.size(); ++at)
      if (ribbonPath(*ribbons, at, shown).contains(pixel)) found = Spot{{}, {}, which, at, pixel};
  if (const auto* blocks = std::get_if<Blocks>(&item))
    for (std::size_t at = 0; at < blocks->x0.size(); ++at)
      if (blockBox(*blocks, at, shown).adjusted(-3, 0, 3, 0).contains(pixel)) found = Spot{{}, {}, which, at, pixel};
  return found;
}

std::optional<PlotView::Spot> PlotView::spotAt(const QPointF& pixel) const {
  if (!drawing_ || !axisRect()->rect().contains(pixel.toPoint())) return std::nullopt;
  const double x = xAxis->pixelToCoord(pixel.x()), y = yAxis->pixelToCoord(pixel.y());
  std::optional<Spot> nearest;
  double distance = reach;
  for (std::size_t i = 0; i < drawing_->items.size(); ++i) {
    const Item& item = drawing_->items[i];
    if (const auto* matrix = std::get_if<Cells>(&item)) {
      const std::int64_t row = std::llround(y), column = std::llround(x);
      if (row < 0 || row >= matrix->rows || column < 0 || column >= matrix->columns) continue;  // beside the matrix
      return Spot{row, column, i, std::size_t(row * matrix->columns + column), pixel};
    }
    if (const auto* bars = std::get_if<Bars>(&item)) {
      for (std::size_t at = 0; at < bars->x.size(); ++at)
        if (std::abs(bars->x[at] - x) <= halfWidth(*bars, at)) return Spot{{}, {}, i, at, pixel};
    }
    if (const auto spot = spotInFlow(item, i, pixel)) nearest = spot;  // nodes lie in front of what flows
    const auto reachFor = [&](const std::vector<double>& xs, const std::vector<double>& ys) {
      for (std::size_t at = 0; at < xs.size(); ++at) {
        if (!std::isfinite(ys[at])) continue;
        const QPointF point = pixelOf(xs[at], ys[at]);
        const double far = std::hypot(point.x() - pixel.x(), point.y() - pixel.y());
        if (far >= distance) continue;
        distance = far;
        nearest = Spot{{}, {}, i, at, point};
      }
    };
    if (const auto* dots = std::get_if<Dots>(&item)) reachFor(dots->x, dots->y);
    if (const auto* line = std::get_if<Polyline>(&item); line && !line->readOut.empty()) reachFor(line->x, line->y);
  }
  return nearest;
}

QString PlotView::textOf(const Spot& spot) const {
  const auto text = [&](const std::vector<std::string>& texts) {
    return spot.at < texts.size() ? QString::fromStdString(texts[spot.at]) : QString();
  };
  return std::visit(
      [&](const auto& item) {
        if constexpr (requires { item.readOut; })
          return text(item.readOut);
        else
          return QString();
      },
      drawing_->items[spot.item]);
}

void PlotView::hover(std::optional<Spot> spot) {
  const bool moved = spot.has_value() != spot_.has_value() || (spot && !(*spot == *spot_));
  const std::optional<Spot> before = std::exchange(spot_, spot);
  readOut_ = spot ? textOf(*spot) : QString();
  setAccessibleDescription(readOut_);  // a screen reader says it
  layer(QStringLiteral("marks"))->replot();
  if (!moved) return;
  for (const auto& [axis, index] : placesOf(spot ? *spot : *before)) Q_EMIT hovered(axis, spot ? index : -1);
}

// What a spot stands for: an expert, or a layer and an expert.
std::vector<std::pair<QString, qint64>> PlotView::placesOf(const Spot& spot) const {
  std::vector<std::pair<QString, qint64>> places;
  const auto add = [&](const std::string& axis, std::int64_t index) {
    if (!axis.empty()) places.emplace_back(QString::fromStdString(axis), index);
  };
  const Item& item = drawing_->items[spot.item];
  if (const auto* matrix = std::get_if<Cells>(&item)) {
    add(matrix->rowAxis, indexOf(matrix->rowIndex, *spot.row));
    add(matrix->columnAxis, indexOf(matrix->columnIndex, *spot.column));
  } else if (const auto* bars = std::get_if<Bars>(&item)) {
    add(bars->axis, indexOf(bars->index, std::int64_t(spot.at)));
  } else if (const auto* dots = std::get_if<Dots>(&item); dots && spot.at < dots->index.size()) {
    if (spot.at < dots->place.size()) add(dots->placeAxis, dots->place[spot.at]);
    add(dots->axis, dots->index[spot.at]);
  } else if (const auto* blocks = std::get_if<Blocks>(&item); blocks && blocks->index[spot.at] >= 0) {
    add(blocks->placeAxis, blocks->place[spot.at]);
    add(blocks->axis, blocks->index[spot.at]);
  }
  return places;
}

void PlotView::choose(const Spot& spot, Qt::KeyboardModifiers modifiers) {
  for (const auto& [axis, index] : placesOf(spot)) Q_EMIT chosen(axis, index, modifiers);
}

void PlotView::brush(const QRectF& pixels, bool add) {
  const Frame shown = frame();
  // What is drawn may change while the first axis is told; the drawing that was brushed is held.
  const std::shared_ptr<const Drawing> held = drawing_;
  for (const Item& item : held->items) {
    if (const auto* matrix = std::get_if<Cells>(&item)) {
      const bool inside = pixels.intersects(shown.area);
      const auto rows = brushedPositions(shown, false, pixels.top(), pixels.bottom(), inside ? matrix->rows : 0),
                 columns = brushedPositions(shown, true, pixels.left(), pixels.right(), inside ? matrix->columns : 0);
      Q_EMIT brushed(QString::fromStdString(matrix->rowAxis), rows, add);
      Q_EMIT brushed(QString::fromStdString(matrix->columnAxis), columns, add);
      return;
    }
    if (const auto* bars = std::get_if<Bars>(&item)) {
      std::set<qint64> found;
      for (std::size_t at = 0; at < bars->x.size(); ++at)
        if (shown.across(bars->x[at] - 0.5) < pixels.right() && shown.across(bars->x[at] + 0.5) > pixels.left() &&
            pixels.intersects(shown.area))
          found.insert(indexOf(bars->index, at));
      Q_EMIT brushed(QString::fromStdString(bars->axis), found, add);
      return;
    }
  }
}

void PlotView::mouseMoveEvent(QMouseEvent* event) {
  QCustomPlot::mouseMoveEvent(event);
  if (drawing_ && event->buttons() == Qt::NoButton) hover(spotAt(event->position()));
  if (drawing_ && !zooms() && event->buttons() == Qt::LeftButton) brush_.drag(event->position());
}

void PlotView::mousePressEvent(QMouseEvent* event) {
  pressed_ = event->position();
  brush_.press(pressed_);
  QCustomPlot::mousePressEvent(event);
}

void PlotView::mouseReleaseEvent(QMouseEvent* event) {
  QCustomPlot::mouseReleaseEvent(event);
  if (drawing_ && brush_.release(event->position()))
    return brush(brush_.rect(), event->modifiers().testFlag(Qt::ShiftModifier));
  const bool clicked = event->button() == Qt::LeftButton && (event->position() - pressed_).manhattanLength() < 4;
  if (!drawing_ || !clicked) return;
  // What is shown may be drawn anew by whoever hears of the choice.
  if (const auto spot = spotAt(event->position())) {
    hover(spot);
    choose(*spot, event->modifiers());
  }
}

void PlotView::mouseDoubleClickEvent(QMouseEvent* event) {
  QCustomPlot::mouseDoubleClickEvent(event);
  if (!drawing_ || !zooms()) return;
  showAll();
  replot(rpQueuedReplot);
}

void PlotView::leaveEvent(QEvent* event) {
  QCustomPlot::leaveEvent(event);
  if (drawing_ && spot_) hover(std::nullopt);
}

// Arrow keys move through cells and bars, Enter chooses, Esc lets go.
void PlotView::keyPressEvent(QKeyEvent* event) {
  const int key = event->key();
  const int across = key == Qt::Key_Right  ? 1
                     : key == Qt::Key_Left ? -1
                                           : 0,
            down = key == Qt::Key_Down ? 1
                   : key == Qt::Key_Up ? -1
                                       : 0;
  if (drawing_ && spot_ && (key == Qt::Key_Return || key == Qt::Key_Enter))
    return choose(Spot(*spot_), event->modifiers());
  if (drawing_ && spot_ && key == Qt::Key_Escape) {
    hover(std::nullopt);
    return event->ignore();  // the window clears its selection too
  }
  if (!drawing_ || (across == 0 && down == 0)) return QCustomPlot::keyPressEvent(event);
  for (std::size_t i = 0; i < drawing_->items.size(); ++i) {
    Spot spot{.item = i};
    if (const auto* matrix = std::get_if<Cells>(&drawing_->items[i])) {
      const bool here = spot_ && spot_->row;
      spot.row = std::clamp<std::int64_t>(here ? *spot_->row + down : 0, 0, matrix->rows - 1);
      spot.column = std::clamp<std::int64_t>(here ? *spot_->column + across : 0, 0, matrix->columns - 1);
      spot.at = std::size_t(*spot.row * matrix->columns + *spot.column);
      spot.where = pixelOf(double(*spot.column), double(*spot.row));
      return hover(spot);
    }
    const auto step = [&](const std::vector<double>& xs) {
      const auto last = static_cast<std::int64_t>(xs.size()) - 1;
      const bool here = spot_ && spot_->item == i;
      spot.at = std::size_t(std::clamp<std::int64_t>(here ? std::int64_t(spot_->at) + across + down : 0, 0, last));
    };
    if (const auto* bars = std::get_if<Bars>(&drawing_->items[i]); bars && !bars->x.empty()) {
      step(bars->x);
      spot.where = pixelOf(bars->x[spot.at], bars->height[spot.at]);
      return hover(spot);
    }
    if (const auto* dots = std::get_if<Dots>(&drawing_->items[i]); dots && !dots->x.empty()) {
      step(dots->x);
      spot.where = pixelOf(dots->x[spot.at], dots->y[spot.at]);
      return hover(spot);
    }
    if (const auto* blocks = std::get_if<Blocks>(&drawing_->items[i]); blocks && !blocks->x0.empty()) {
      step(blocks->x0);
      spot.where = pixelOf(blocks->x1[spot.at], 0.5 * (blocks->y0[spot.at] + blocks->y1[spot.at]));
      return hover(spot);
    }
  }
}

void PlotView::resizeEvent(QResizeEvent* event) {
  QCustomPlot::resizeEvent(event);
  rearrange();
}

void PlotView::changeEvent(QEvent* event) {
  QCustomPlot::changeEvent(event);
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::StyleChange) restyle();
}

}  // namespace moescope
