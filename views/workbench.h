// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <optional>
#include <vector>

#include "views/action_registry.h"
#include "views/artifact_tree.h"
#include "views/edit_history.h"
#include "views/engine.h"
#include "views/figure_list.h"
#include "views/job_model.h"
#include "views/live_runs.h"
#include "views/paper_choice.h"
#include "views/result_reader.h"
#include "views/selection.h"
#include "views/view_settings.h"

namespace moescope {

using InputIds = std::map<std::string, std::vector<std::string>>;  // by port

// What the parts of the window share: one open study, its artifacts, jobs and selection, and the operations that there
// are. It is handed to each part; nothing reaches it from nowhere. GUI thread.
class Workbench : public QObject {
  Q_OBJECT
 public:
  explicit Workbench(QObject* parent = nullptr);

  EngineClient engine;
  ArtifactTree tree;
  Selection selection;
  ResultReader reader;
  JobModel jobs;
  LiveRuns live;
  FigureList figures;
  PaperChoice paper;
  ViewSettings views;
  EditHistory history;
  ActionRegistry actions;

  void open(const QString& study);
  void setOperations(std::vector<Description> operations);
  const std::vector<Description>& operations() const { return operations_; }
  const Description* operation(const std::string& id) const;
  std::vector<const Description*> operationsOf(const QString& page) const;

  // The inputs an operation would take while `near` is selected; nothing when a required one is missing.
  std::optional<InputIds> inputsFor(const Description& operation, const QString& near) const;
  // The next operation on the way to an artifact of that kind, given what the study has; null when nothing makes one.
  const Description* stepTowards(Kind kind) const;
  // Where the file of a result or the folder of a run lies; `outputs` of a finished job may say it, else the row.
  QString placeOf(const QString& id, Kind kind, const Json& outputs = Json::object()) const;
  // The running job behind the selected artifact ("job:NAME"), or null.
  const JobLine* selectedJob() const;
  // F5: rows and what is shown are read again; selection, views and zoom stay.
  void reload();
  // Takes up a checkpoint where it lies and shows it on Overview when that is done.
  void openModel(const QString& folder);

 Q_SIGNALS:
  void opened(const QString& study);
  void operationsChanged();
  void firstRows();  // the study's rows are there for the first time since it was opened
  void formAsked(const std::string& operation, const moescope::Json& given);
  void pageAsked(const QString& page);
  void reloadAsked();
  void notice(const QString& level, const QString& text, const QString& details);

 private:
  void showLive(const QString& job);
  void ended(const QString& job);

  std::vector<Description> operations_;
  bool rowsSeen_ = false;
  QString opening_;  // the job that takes up a model
};

// The id of an output port in the `outputs` of a finished job; empty when there is none.
QString outputId(const Json& outputs, const std::string& port);

}  // namespace moescope
