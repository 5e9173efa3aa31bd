// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QMap>
#include <QStackedWidget>

namespace moescope {

// The right side of the window: one scrolled widget of several is in front; none of them is known before it is shown.
// GUI thread.
class SideStack : public QStackedWidget {
  Q_OBJECT
 public:
  explicit SideStack(QWidget* parent = nullptr);
  void show(QWidget* side);  // null: an empty side

 private:
  QMap<QWidget*, QWidget*> areas_;  // by what they scroll
  QWidget* nothing_;
};

}  // namespace moescope
