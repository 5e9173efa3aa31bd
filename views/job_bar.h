// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QProgressBar;

namespace moescope {

class ElidedLabel;
class IconButton;
class JobList;
class Workbench;

// The bottom bar: the current job, how far it is, the time left; a click opens the list upwards. At the right what the
// machine has. GUI thread.
class JobBar : public QWidget {
  Q_OBJECT
 public:
  JobBar(Workbench& workbench, QWidget* window);
  void setMachine(const QString& words);
  void toggleList();

 protected:
  void mouseReleaseEvent(QMouseEvent* event) override;

 private:
  void refresh();
  Workbench& workbench_;
  ElidedLabel *title_, *words_, *machine_;
  QProgressBar* progress_;
  IconButton* open_;
  JobList* list_;
};

}  // namespace moescope
