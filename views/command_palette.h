// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <QPointer>
#include <vector>

class QAction;
class QLineEdit;
class QListWidget;

namespace moescope {

class ActionRegistry;

// Find or run anything: a list of every enabled action of the registry, narrowed while typing. It floats inside its
// parent window, Enter runs, Esc closes. GUI thread.
class CommandPalette : public QFrame {
  Q_OBJECT
 public:
  CommandPalette(const ActionRegistry& actions, QWidget* window);
  void open();

 protected:
  bool eventFilter(QObject* watched, QEvent* event) override;

 private:
  void narrow();
  void run();

  const ActionRegistry& actions_;
  QLineEdit* typed_;
  QListWidget* list_;
  std::vector<QPointer<QAction>> shown_;
};

}  // namespace moescope
