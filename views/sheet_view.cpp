// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/sheet_view.h"

#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <cmath>

#include "views/theme.h"

namespace moescope {

namespace {
constexpr int paperMargin = 24;  // pixels of white around the figure, as on a page
constexpr double pointsOfInch = 72;
}  // namespace

SheetView::SheetView(QWidget* parent) : QWidget(parent) {
  setFocusPolicy(Qt::StrongFocus);
  setAccessibleName(tr("Sheet"));
}

double SheetView::pixelsAPoint() const {
  return zoom_ * logicalDpiX() / pointsOfInch;
}

QSize SheetView::sizeHint() const {
  if (!layout_) return {2 * paperMargin, 2 * paperMargin};
  const double scale = pixelsAPoint();
  return {int(std::ceil(layout_->size().width() * scale)) + 2 * paperMargin,
          int(std::ceil(layout_->size().height() * scale)) + 2 * paperMargin};
}

void SheetView::setLayoutOfSheet(std::unique_ptr<SheetLayout> layout) {
  layout_ = std::move(layout);
  const int panels = layout_ ? int(layout_->panels()) : 0;
  if (chosen_ >= panels) setChosen(panels - 1);
  setFixedSize(sizeHint());
  update();
}

void SheetView::setZoom(double zoom) {
  zoom_ = zoom;
  setFixedSize(sizeHint());
  update();
}

void SheetView::setChosen(int panel) {
  if (panel == chosen_) return;
  chosen_ = panel;
  if (layout_ && panel >= 0 && std::size_t(panel) < layout_->panels())
    setAccessibleDescription(panelLetter(std::size_t(panel)) + QLatin1Char(' ') +
                             QString::fromStdString(layout_->drawing(std::size_t(panel)).title));
  update();
  Q_EMIT chosenChanged(panel);
}

void SheetView::paintEvent(QPaintEvent*) {
  QPainter painter(this);
  painter.fillRect(rect(), Qt::white);
  if (!layout_) return;
  painter.translate(paperMargin, paperMargin);
  painter.scale(pixelsAPoint(), pixelsAPoint());
  painter.save();
  layout_->paint(painter);
  painter.restore();
  if (chosen_ < 0 || std::size_t(chosen_) >= layout_->panels()) return;
  QPen pen(Theme::light().accent, 1.2);
  pen.setCosmetic(true);
  painter.setPen(pen);
  painter.setBrush(Qt::NoBrush);
  painter.drawRoundedRect(layout_->panel(std::size_t(chosen_)).adjusted(-3, -3, 3, 3), 3, 3);
}

void SheetView::mousePressEvent(QMouseEvent* event) {
  if (!layout_) return;
  const QPointF at = (event->position() - QPointF(paperMargin, paperMargin)) / pixelsAPoint();
  int found = -1;
  for (std::size_t panel = 0; panel < layout_->panels(); ++panel)
    if (layout_->panel(panel).contains(at)) found = int(panel);
  setChosen(found);
}

void SheetView::keyPressEvent(QKeyEvent* event) {
  const int panels = layout_ ? int(layout_->panels()) : 0;
  const int by = event->key() == Qt::Key_Right || event->key() == Qt::Key_Down ? 1
                 : event->key() == Qt::Key_Left || event->key() == Qt::Key_Up  ? -1
                                                                               : 0;
  if (by == 0 || panels == 0) return QWidget::keyPressEvent(event);
  setChosen(std::clamp(chosen_ + by, 0, panels - 1));
}

}  // namespace moescope
