// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <QStringList>
#include <QTimer>

class QScrollArea;

namespace moescope {

class Workbench;
struct JobLine;

// The list of jobs: title, state, cancel; log, "Copy details" of what failed. Floats above the bar.
class JobList : public QFrame {
  Q_OBJECT
 public:
  JobList(Workbench& workbench, QWidget* window);
  void openAbove(const QWidget& bar);

 private:
  void fill();
  QWidget* makeRow(const JobLine& line);

  Workbench& workbench_;
  QWidget* rows_ = nullptr;
  QScrollArea* scroll_;
  QTimer pace_;
  QStringList opened_;  // jobs whose log is shown
};

}  // namespace moescope
