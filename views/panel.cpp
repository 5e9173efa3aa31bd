// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/panel.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QResizeEvent>
#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>

#include "views/elided_label.h"
#include "views/theme.h"

namespace moescope {
namespace {
constexpr int leastRow = 240;
constexpr int narrow = 620;  // below this width panels stand in one column
}  // namespace

Panel::Panel(const QString& title, QWidget* parent)
    : QFrame(parent),
      title_(roleLabel<ElidedLabel>("title", title)),
      caption_(roleLabel("caption")),
      head_(new QHBoxLayout),
      layout_(new QVBoxLayout(this)) {
  setProperty("role", "panel");
  layout_->setContentsMargins(Measures::padding, Measures::padding - 4, Measures::padding, Measures::padding);
  layout_->setSpacing(2);
  title_->setMode(Qt::ElideRight);
  head_->setSpacing(0);
  head_->addWidget(title_, 1);
  layout_->addLayout(head_);
  caption_->setWordWrap(true);
  caption_->hide();
  layout_->addWidget(caption_);
  setAccessibleName(title);
}

void Panel::setTitle(const QString& title) {
  title_->setText(title);
  setAccessibleName(title);
}

QString Panel::title() const {
  return title_->text();
}

void Panel::setCaption(const QString& caption) {
  if (caption == caption_->text()) return;
  caption_->setText(caption);
  caption_->setVisible(!caption.isEmpty());
}

void Panel::setContent(QWidget* content) {
  content->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
  layout_->addSpacing(6);
  layout_->addWidget(content, 1);
}

void Panel::addButton(QWidget* button) {
  head_->addWidget(button, 0, Qt::AlignTop);
}

PanelGrid::PanelGrid(QWidget* parent) : QWidget(parent) {
  setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Expanding);
}

void PanelGrid::setPanels(const QList<QWidget*>& panels, bool leading) {
  for (QWidget* panel : std::as_const(panels_))
    if (!panels.contains(panel)) panel->deleteLater(), panel->hide();
  panels_ = panels;
  leading_ = leading;
  for (QWidget* panel : std::as_const(panels_)) {
    panel->setParent(this);
    panel->show();
  }
  setMinimumHeight(minimumSizeHint().height());
  updateGeometry();
  arrange();
}

QScrollArea* PanelGrid::scrolled() {
  auto* area = new QScrollArea;
  area->setWidgetResizable(true);
  area->setWidget(this);
  area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  area->viewport()->setAutoFillBackground(false);
  setAutoFillBackground(false);
  return area;
}

QList<QList<QWidget*>> PanelGrid::rows() const {
  QList<QList<QWidget*>> rows;
  const bool pairs = width() >= narrow;
  for (qsizetype at = 0; at < panels_.size();) {
    const bool wide = !pairs || (leading_ && at == 0) || at + 1 == panels_.size() ||
                      panels_[at]->property("wide").toBool() || panels_[at + 1]->property("wide").toBool();
    rows.append(panels_.mid(at, wide ? 1 : 2));
    at += wide ? 1 : 2;
  }
  return rows;
}

// The leading row is the page's main picture: it gets the larger share of what is visible.
QList<int> PanelGrid::heights(int visible) const {
  const int count = static_cast<int>(rows().size());
  const int shown = std::min({count, std::max(1, visible / leastRow), leading_ ? 2 : count});
  const int room = visible - (shown - 1) * Measures::gap;
  const double lead = leading_ && shown > 1 ? 1.25 : 1.0;
  const double unit = room / (shown - 1 + lead);
  QList<int> heights;
  for (int row = 0; row < count; ++row)
    heights.append(std::max(leastRow, static_cast<int>(row == 0 ? unit * lead : unit)));
  return heights;
}

QSize PanelGrid::minimumSizeHint() const {
  const int visible = parentWidget() == nullptr ? height() : parentWidget()->height();
  int total = -Measures::gap;
  for (int row : heights(visible)) total += row + Measures::gap;
  return {280, total <= visible ? leastRow : total};
}

void PanelGrid::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  setMinimumHeight(minimumSizeHint().height());
  arrange();
}

void PanelGrid::arrange() {
  const QList<QList<QWidget*>> rows = this->rows();
  const int visible = parentWidget() == nullptr ? height() : parentWidget()->height();
  QList<int> rowHeights = heights(visible);
  int total = -Measures::gap;
  for (int row : rowHeights) total += row + Measures::gap;
  if (!rowHeights.isEmpty() && total < height()) rowHeights.last() += height() - total;  // what rounding left
  int top = 0;
  for (qsizetype row = 0; row < rows.size(); ++row) {
    const int half = (width() - Measures::gap) / 2;
    if (rows[row].size() == 1) {
      rows[row][0]->setGeometry(0, top, width(), rowHeights[row]);
    } else {
      rows[row][0]->setGeometry(0, top, half, rowHeights[row]);
      rows[row][1]->setGeometry(half + Measures::gap, top, width() - half - Measures::gap, rowHeights[row]);
    }
    top += rowHeights[row] + Measures::gap;
  }
}

}  // namespace moescope
