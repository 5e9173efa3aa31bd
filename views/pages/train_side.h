// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <utility>
#include <vector>

#include "views/workbench.h"

class QLabel;
class QPushButton;

namespace moescope {

class ElidedLabel;
class FactList;
class ParameterForm;
class RunLook;
class UnitEdit;

// The right side of the Train page: how far the training is, what can be done to it while it goes, its events; and the
// form of a new one when none runs.
class TrainSide : public QWidget {
  Q_OBJECT
 public:
  TrainSide(Workbench& workbench, RunLook& look, QWidget* parent = nullptr);
  // The running job, or the finished run; both null when neither is selected.
  void show(const JobLine* job, const StudyRow* run, const RunSeries* series);

 private:
  QWidget* makeControls();
  void showFacts(const JobLine* job, const StudyRow* run, const RunSeries* series);
  void showEvents(const RunSeries* series);
  void apply();
  void fillForm();

  Workbench& workbench_;
  QString job_;
  bool paused_ = false;
  ElidedLabel* title_;
  FactList* facts_;
  QWidget* controls_ = nullptr;
  QPushButton* pause_ = nullptr;
  std::vector<std::pair<const char*, UnitEdit*>> changes_;  // what may change at a step, by its parameter
  QLabel* wrong_ = nullptr;
  ElidedLabel* eventsTitle_;
  FactList* events_;
  QList<QPair<QString, QString>> applied_;  // step, what: events of this window
  ParameterForm* form_;
};

}  // namespace moescope
