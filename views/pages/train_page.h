// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTimer>
#include <map>
#include <optional>

#include "views/pages/page.h"
#include "views/run_drawings.h"

namespace moescope {

class FigurePanel;
class RunLook;
class TrainSide;

// A training as it goes, or as it went: loss by domain, balance against its floor, load of every layer and expert, a
// sample; at any step, smoothed, beside other runs.
class TrainPage : public Page {
  Q_OBJECT
 public:
  explicit TrainPage(Workbench& workbench, QWidget* parent = nullptr);
  QWidget* side() override;
  bool idle() const override;
  RunLook& look() { return *look_; }

 protected:
  void refresh() override;

 private:
  const RunSeries* series() const;
  void draw();

  std::map<QString, RunSample> samples_;  // of running jobs
  std::optional<RunSample> fileSample_;
  std::shared_ptr<const RunSeries> file_;
  QString shownJob_, shownRun_;
  bool failed_ = false;
  QList<FigurePanel*> panels_;
  TrainSide* side_ = nullptr;
  RunLook* look_;
  QTimer pace_;  // draws at most ten times a second, however fast steps come
};

}  // namespace moescope
