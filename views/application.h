// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QApplication>

namespace moescope {

// A slot that throws must not end the event loop (Qt 6 would leave exec): what was thrown is logged and told.
class Application : public QApplication {
  Q_OBJECT
 public:
  using QApplication::QApplication;
  bool notify(QObject* receiver, QEvent* event) override;

 Q_SIGNALS:
  void caught(const QString& what);
};

}  // namespace moescope
