// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFileSystemWatcher>
#include <QObject>
#include <QPointer>
#include <QThread>
#include <set>

#include "views/model_files.h"

namespace moescope {

class Workbench;

// Looks after the files of the imported model that is selected: told once each time that they are missing, or have
// changed since it was imported. Looking happens off the window's thread. GUI thread outside.
class ModelWatch : public QObject {
  Q_OBJECT
 public:
  explicit ModelWatch(Workbench& workbench, QObject* parent = nullptr);
  ~ModelWatch() override;
  void look();

 Q_SIGNALS:
  void missing(const QString& model, const QString& folder);
  void changed(const QString& model, const QString& folder, const QString& file);

 private:
  void seen(const QString& model, const QString& folder, const ModelFiles& files);

  Workbench& workbench_;
  QFileSystemWatcher watcher_;
  std::set<QString> told_;
  QList<QPointer<QThread>> lookers_;
};

}  // namespace moescope
