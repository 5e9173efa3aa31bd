// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/token_map.h"

#include <QMouseEvent>
#include <QPainter>
#include <algorithm>
#include <cmath>

#include "views/theme.h"
#include "views/token_walk.h"

namespace moescope {

TokenMap::TokenMap(QWidget* parent) : QWidget(parent) {
  setFixedHeight(30);
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
  setAccessibleName(tr("Map of the text"));
  setToolTip(tr("The whole text: colour by expert, height by loss. Click to go there."));
}

void TokenMap::setDrawing(std::shared_ptr<const Drawing> drawing) {
  drawing_ = std::move(drawing);
  losses_ = drawing_ ? lossesOf(*drawing_) : std::vector<double>();
  most_ = 0;
  for (const double loss : losses_)
    if (std::isfinite(loss)) most_ = std::max(most_, loss);
  update();
}

void TokenMap::setShown(std::int64_t run) {
  shown_ = run;
  update();
}

void TokenMap::paintEvent(QPaintEvent*) {
  if (!drawing_ || !drawing_->text || drawing_->text->runs.empty()) return;
  const Theme& theme = currentTheme();
  QPainter painter(this);
  painter.fillRect(rect(), theme.surface);
  const auto& runs = drawing_->text->runs;
  const double step = double(width()) / double(runs.size());
  for (std::size_t at = 0; at < runs.size(); ++at) {
    const bool known = at < losses_.size() && std::isfinite(losses_[at]) && most_ > 0;
    const double high = losses_.empty() ? 1 : known ? std::max(0.08, losses_[at] / most_) : 0.08;
    const QColor ink = runs[at].ground ? theme.ink(*runs[at].ground) : theme.neutral;
    painter.fillRect(QRectF(double(at) * step, height() * (1 - high), std::max(1.0, step), height() * high), ink);
  }
  if (shown_ < 0) return;
  painter.setPen(QPen(theme.text, 2));
  const double x = (double(shown_) + 0.5) * step;
  painter.drawLine(QPointF(x, 0), QPointF(x, height()));
}

void TokenMap::ask(double x) {
  if (!drawing_ || !drawing_->text || drawing_->text->runs.empty()) return;
  const auto runs = static_cast<qint64>(drawing_->text->runs.size());
  Q_EMIT asked(std::clamp<qint64>(qint64(x / width() * double(runs)), 0, runs - 1));
}

void TokenMap::mousePressEvent(QMouseEvent* event) {
  ask(event->position().x());
}

void TokenMap::mouseMoveEvent(QMouseEvent* event) {
  if (event->buttons() != Qt::NoButton) ask(event->position().x());
}

}  // namespace moescope
