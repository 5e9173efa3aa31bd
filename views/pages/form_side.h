// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "views/workbench.h"

class QLabel;

namespace moescope {

class ParameterForm;

// The form of an operation that was asked for (menu, palette, "what next"), with its help; it stands in front of the
// page's own right side until it is run or left.
class FormSide : public QWidget {
  Q_OBJECT
 public:
  explicit FormSide(Workbench& workbench, QWidget* parent = nullptr);
  bool open(const std::string& operation, const Json& given);

 Q_SIGNALS:
  void left();

 private:
  Workbench& workbench_;
  ParameterForm* form_;
  QLabel* help_;
};

}  // namespace moescope
