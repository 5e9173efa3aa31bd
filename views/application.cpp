// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/application.h"

#include <exception>

namespace moescope {

bool Application::notify(QObject* receiver, QEvent* event) {
  QString what;
  try {
    return QApplication::notify(receiver, event);
  } catch (const std::exception& error) {
    what = QString::fromUtf8(error.what());
  } catch (...) {
    what = QStringLiteral("something that is no exception of the standard library");
  }
  qCritical("thrown by an event handler: %s", qUtf8Printable(what));
  Q_EMIT caught(what);
  return false;
}

}  // namespace moescope
