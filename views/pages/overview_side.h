// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "views/workbench.h"

namespace moescope {

// The right side of the Overview: every operation of this program, by area, to be run on what is selected.
class OverviewSide : public QWidget {
  Q_OBJECT
 public:
  explicit OverviewSide(Workbench& workbench, QWidget* parent = nullptr);

 private:
  void fill();
  Workbench& workbench_;
  QWidget* list_ = nullptr;
};

}  // namespace moescope
