// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

namespace moescope {

class Session;
class Workbench;

// What a study was last looked at with: artifact, layer, picked experts, page, view settings, figures for a paper. It
// goes into the session on every change and comes back when the study is opened. GUI thread.
class StudyMemory : public QObject {
  Q_OBJECT
 public:
  StudyMemory(Session& session, Workbench& workbench, QObject* parent = nullptr);

  void open(const QString& folder);  // before its rows are there: what does not need them
  // Once rows are there: what was selected last time; else what is being made; else the newest of what one looks at
  // first. The history begins here.
  void chooseArtifact();
  QString page(const QString& otherwise) const;
  void setPage(const QString& name);

 private:
  void remember();
  Session& session_;
  Workbench& workbench_;
  bool opening_ = false;
};

}  // namespace moescope
