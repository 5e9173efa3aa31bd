// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

class QTableWidget;

namespace moescope {

class ActionRegistry;
class MainWindow;
class Session;

// Theme, what a start opens, names in exported figures, and the keys of every action. Each change holds at once and is
// kept; nothing is to be confirmed. Not modal. GUI thread.
class Preferences : public QDialog {
  Q_OBJECT
 public:
  explicit Preferences(MainWindow& window);

 private:
  QWidget* makeGeneral();
  QWidget* makeKeys();
  void narrow(const QString& words);
  void setKeys(int row, const QKeySequence& keys);

  MainWindow& window_;
  QTableWidget* keys_ = nullptr;
};

// The user's keys go to the registry; called before actions are added.
void restoreKeys(const Session& session, ActionRegistry& actions);

}  // namespace moescope
