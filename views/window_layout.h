// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QStringList>

#include "core/base/json.h"

class QMainWindow;
class QSplitter;

namespace moescope {

class Session;

// Where the window is and how its three columns share it. Kept on every change under a version number; a layout that
// cannot be read, is of another version, or lies on no screen is not taken: the default one is. GUI thread.
class WindowLayout : public QObject {
  Q_OBJECT
 public:
  // The splitter holds left side, centre and right side.
  WindowLayout(QMainWindow& window, QSplitter& splitter, Session& session);

  void restore();
  void reset();
  QStringList names() const;
  void keep(const QString& name);  // under a name, to come back to
  void use(const QString& name);
  void forget(const QString& name);
  void toggleLeft();
  void toggleRight();
  void showRight();
  void changed();  // moved or resized: the right side goes first where there is no room

 Q_SIGNALS:
  void namesChanged();

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  Json now() const;
  bool take(const Json& layout);
  void fitSides(int width);

  QMainWindow& window_;
  QSplitter& splitter_;
  Session& session_;
  QWidget *left_, *right_;
  bool rightAsked_ = false, taking_ = false;
  int width_ = 0;
};

}  // namespace moescope
