// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

class QLineEdit;
class QPlainTextEdit;

namespace moescope {

class Workbench;

// What engine and jobs have said since the window was opened, newest last; narrowed by words, copied whole. Bounded.
// Not modal. GUI thread.
class LogView : public QDialog {
  Q_OBJECT
 public:
  LogView(Workbench& workbench, QWidget* window);
  QString text() const;  // the lines that are shown
  void add(const QString& level, const QString& words);

 protected:
  void showEvent(QShowEvent* event) override;

 private:
  void fill();

  QStringList lines_;
  QLineEdit* find_;
  QPlainTextEdit* shown_;
};

}  // namespace moescope
