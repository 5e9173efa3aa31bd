// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>

class QLabel;
class QLineEdit;
class QPushButton;

namespace moescope {

class Workbench;

// Where a model's files have gone: a folder is chosen, its size is compared at once, its content (digest) when it is
// taken up. The same model is found again; another one can be opened anyway, as a model of its own. Not modal. GUI
// thread.
class RelocateDialog : public QDialog {
  Q_OBJECT
 public:
  RelocateDialog(Workbench& workbench, const QString& model, QWidget* parent);
  void setFolder(const QString& folder);
  void use();
  QString verdict() const;

 Q_SIGNALS:
  void said(const QString& level, const QString& text);

 private:
  void compare();
  void finished(const QString& job, const QString& id);

  Workbench& workbench_;
  QString model_, job_;
  qint64 bytesThen_ = 0;
  QLineEdit* folder_;
  QLabel* verdict_;
  QPushButton* use_;
};

}  // namespace moescope
