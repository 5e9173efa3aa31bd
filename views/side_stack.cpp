// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/side_stack.h"

#include <QScrollArea>

namespace moescope {

SideStack::SideStack(QWidget* parent) : QStackedWidget(parent), nothing_(new QWidget) {
  addWidget(nothing_);
}

void SideStack::show(QWidget* side) {
  if (side == nullptr) return setCurrentWidget(nothing_);
  QWidget*& area = areas_[side];
  if (area == nullptr) {
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    scroll->setWidget(side);
    scroll->viewport()->setAutoFillBackground(false);
    side->setAutoFillBackground(false);
    addWidget(scroll);
    area = scroll;
  }
  setCurrentWidget(area);
}

}  // namespace moescope
