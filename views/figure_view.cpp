// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/figure_view.h"

#include <QLabel>
#include <QStackedLayout>

#include "views/plot_view.h"
#include "views/table_view.h"
#include "views/text_view.h"

namespace moescope {

FigureView::FigureView(QWidget* parent)
    : QWidget(parent),
      layers_(new QStackedLayout(this)),
      empty_(new QLabel),
      plot_(new PlotView),
      table_(new FoundTable),
      text_(new TextView) {
  empty_->setAlignment(Qt::AlignCenter);
  empty_->setWordWrap(true);
  empty_->setProperty("role", "muted");
  for (QWidget* each : {static_cast<QWidget*>(empty_), static_cast<QWidget*>(plot_), static_cast<QWidget*>(table_),
                        static_cast<QWidget*>(text_)})
    layers_->addWidget(each);
  connect(plot_, &PlotView::hovered, this, &FigureView::hovered);
  connect(plot_, &PlotView::chosen, this, &FigureView::chosen);
  connect(plot_, &PlotView::brushed, this, &FigureView::brushed);
  connect(table_, &FoundTable::rowChosen, this, &FigureView::rowChosen);
  connect(text_, &TextView::hovered, this, &FigureView::hovered);
  connect(text_, &TextView::chosen, this, &FigureView::chosen);
  setFocusPolicy(Qt::StrongFocus);
}

void FigureView::setDrawing(std::shared_ptr<const Drawing> drawing) {
  drawing_ = std::move(drawing);
  QWidget* shown = empty_;
  if (!drawing_ || !drawing_->empty.empty()) {
    empty_->setText(drawing_ ? QString::fromStdString(drawing_->empty) : QString());
  } else if (drawing_->table) {
    table_->setDrawing(drawing_);
    shown = table_;
  } else if (drawing_->text) {
    text_->setDrawing(drawing_);
    shown = text_;
  } else {
    plot_->setDrawing(drawing_);
    shown = plot_;
  }
  layers_->setCurrentWidget(shown);
  setFocusProxy(shown == empty_ ? nullptr : shown);
}

void FigureView::setHighlighted(const QString& axis, const std::set<qint64>& indices) {
  plot_->setHighlighted(axis, indices);
  text_->setHighlighted(axis, indices);
}

void FigureView::goToToken(std::int64_t run) {
  text_->goTo(run);
}

QImage FigureView::picture() {
  return grab().toImage();
}

QString FigureView::values() const {
  return drawing_ ? QString::fromStdString(csv(*drawing_)) : QString();
}

}  // namespace moescope
