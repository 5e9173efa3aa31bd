// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractListModel>
#include <QElapsedTimer>
#include <QStringList>
#include <deque>

#include "views/engine.h"

namespace moescope {

struct JobLine {
  enum class State { waiting, running, done, failed, cancelled, withdrawn };
  QString job, title, stage;
  Order order;
  State state = State::waiting;
  double fraction = -1, secondsLeft = -1;
  double seconds = 0;  // how long it took
  Error error = {};
  QStringList log;
  Json outputs = Json::object();
  QElapsedTimer since;
  bool active() const { return state == State::waiting || state == State::running; }
};

// The jobs of this window and those found running, newest first. Previews that were withdrawn leave no line. GUI
// thread.
class JobModel : public QAbstractListModel {
  Q_OBJECT
 public:
  explicit JobModel(EngineClient& engine, QObject* parent = nullptr);
  void setOperations(const std::vector<Description>& operations);

  const JobLine* find(const QString& job) const;
  const JobLine* line(int row) const;
  const JobLine* current() const;  // what the bottom bar shows: the newest kept job that runs, else any that runs
  int active() const;
  static QString words(const JobLine& line);  // "62 %, 1 min left", "failed: ...", "done in 4 s"

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

 Q_SIGNALS:
  void changed(const QString& job);
  void ended(const QString& job);

 private:
  JobLine* mutableLine(const QString& job);
  void add(JobLine line);
  void update(const QString& job);
  void end(const QString& job, JobLine::State state);
  void remove(const QString& job);
  void greeted(const std::vector<KnownJob>& jobs);

  EngineClient& engine_;
  std::deque<JobLine> lines_;
  std::map<std::string, QString> titles_;
};

}  // namespace moescope
