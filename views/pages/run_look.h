// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <QWidget>
#include <map>

#include "views/run_drawings.h"
#include "views/workbench.h"

class QComboBox;
class QLabel;
class QListWidget;
class QPushButton;
class QSlider;

namespace moescope {

// How the run on the Train page is looked at: which step (a slider, played as a film), how smooth, beside which other
// runs; and its snapshots, each of which can be looked at on any page. GUI thread.
class RunLook : public QWidget {
  Q_OBJECT
 public:
  explicit RunLook(Workbench& workbench, QWidget* parent = nullptr);
  void show(const StudyRow* run, const RunSeries* series);
  RunView view() const;
  bool playing() const { return film_.isActive(); }
  void play();                    // from the beginning, or on from the chosen step; again stops
  void setStep(std::int64_t at);  // the last step: follow what comes
  void compareWith(const QString& run, bool on);

 Q_SIGNALS:
  void changed();

 private:
  void makeRows();
  void fillRuns();
  void fillSnapshots();
  void step();

  Workbench& workbench_;
  const RunSeries* series_ = nullptr;
  std::map<QString, std::shared_ptr<const RunSeries>> others_;  // by run; null while it is read
  QString run_;
  QSlider *step_, *smoothing_;
  QLabel* stepWords_;
  QPushButton* play_;
  QListWidget* runs_;
  QComboBox* snapshots_;
  QTimer film_;
};

}  // namespace moescope
