// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>

namespace moescope {

// "What is this?": definition, formula and source beside the thing that they explain. Esc or a click elsewhere closes
// it.
class HelpPopup : public QFrame {
  Q_OBJECT
 public:
  static void open(const QString& title, const QString& text, QWidget& beside);

 private:
  HelpPopup(const QString& title, const QString& text, QWidget* parent);
};

}  // namespace moescope
