// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>

#include "core/base/error.h"
#include "core/base/json.h"

namespace moescope {

class Session;
class Workbench;

// Takes up what is opened, made or dropped: a study, a model, a folder of text, a figure that was exported here.
// Nothing is read in the window beyond whether files are there. GUI thread.
class Opener : public QObject {
  Q_OBJECT
 public:
  Opener(Session& session, Workbench& workbench, QObject* parent = nullptr);

  void openStudy(const QString& folder);
  void newStudy(const QString& folder);
  // A checkpoint's folder; without an open study one is made for it in the user's data folder.
  void openModel(const QString& folder);
  void take(const QString& dropped);
  void rowsArrived();  // of the open study: what waited for it goes on

 Q_SIGNALS:
  void studyChosen(const QString& folder);  // it is one
  void said(const QString& level, const QString& text);
  void failed(const moescope::Error& error);
  void figureDropped(const moescope::Json& provenance);
  void formAsked(const std::string& operation, const moescope::Json& given);

 private:
  void readFigure(const QString& file);

  Session& session_;
  Workbench& workbench_;
  QString firstModel_;  // to be taken up once the study is there
};

}  // namespace moescope
