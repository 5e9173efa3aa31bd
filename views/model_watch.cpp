// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/model_watch.h"

#include <QThread>

#include "views/workbench.h"

namespace moescope {

ModelWatch::ModelWatch(Workbench& workbench, QObject* parent) : QObject(parent), workbench_(workbench) {
  connect(&workbench_.selection, &Selection::artifactChanged, this, &ModelWatch::look);
  connect(&workbench_.tree, &ArtifactTree::changed, this, &ModelWatch::look);
  connect(&watcher_, &QFileSystemWatcher::directoryChanged, this, &ModelWatch::look);
  connect(&workbench_, &Workbench::opened, this, [this] { told_.clear(); });
  connect(&workbench_, &Workbench::reloadAsked, this, [this] {
    told_.clear();
    look();
  });
}

void ModelWatch::look() {
  const StudyRow* row = workbench_.tree.related(workbench_.selection.artifact(), Kind::model);
  if (row == nullptr || row->artifact.operation != "model.import") return;
  const QString model = QString::fromStdString(row->artifact.id);
  const QString folder = workbench_.placeOf(model, Kind::model);
  const QStringList watched = watcher_.directories();
  if (watched != QStringList{folder}) {
    if (!watched.isEmpty()) watcher_.removePaths(watched);
    watcher_.addPath(folder);
  }
  auto* looker = QThread::create([this, model, folder] {
    const ModelFiles files = modelFiles(folder);
    QMetaObject::invokeMethod(this, [this, model, folder, files] { seen(model, folder, files); });
  });
  connect(looker, &QThread::finished, looker, &QObject::deleteLater);
  lookers_.append(looker);
  looker->start();
}

ModelWatch::~ModelWatch() {
  for (const QPointer<QThread>& looker : lookers_)
    if (looker) looker->wait();
}

void ModelWatch::seen(const QString& model, const QString& folder, const ModelFiles& files) {
  const StudyRow* row = workbench_.tree.row(model);
  if (row == nullptr) return;
  const QDateTime then = QDateTime::fromString(QString::fromStdString(row->artifact.created), Qt::ISODate);
  const ModelState state = stateOf(files, static_cast<qint64>(row->artifact.bytes), then);
  if (state == ModelState::sound || !told_.insert(model + QString::number(static_cast<int>(state))).second) return;
  if (state == ModelState::missing)
    Q_EMIT missing(model, folder);
  else
    Q_EMIT changed(model, folder, files.newestName);
}

}  // namespace moescope
