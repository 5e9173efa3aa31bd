// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <map>
#include <memory>

#include "core/study/run_file.h"
#include "views/engine_message.h"

namespace moescope {

// The metrics of running trainings as they come over the wire, in the shape in which a run file gives them. GUI thread.
class LiveRuns : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;
  void take(const MetricsBatch& batch);
  void end(const QString& job) { runs_.erase(job); }
  const RunSeries* find(const QString& job) const;

 Q_SIGNALS:
  void grown(const QString& job);

 private:
  std::map<QString, RunSeries> runs_;
};

// Appends the steps of a batch that come after those which are there (a step sent twice counts once); a metric that
// begins later, or misses steps, is NaN there.
void append(RunSeries& series, const MetricsBatch& batch);

}  // namespace moescope
