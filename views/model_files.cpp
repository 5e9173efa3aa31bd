// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/model_files.h"

#include <QDirIterator>
#include <QFileInfo>

namespace moescope {

ModelFiles modelFiles(const QString& folder) {
  ModelFiles files;
  files.there = QFileInfo::exists(folder + QStringLiteral("/config.json"));
  QDirIterator all(folder, QDir::Files, QDirIterator::Subdirectories);
  while (all.hasNext()) {
    all.next();
    const QFileInfo file = all.fileInfo();
    files.bytes += file.size();
    if (files.newest.isValid() && file.lastModified() <= files.newest) continue;
    files.newest = file.lastModified();
    files.newestName = file.fileName();
  }
  return files;
}

ModelState stateOf(const ModelFiles& files, qint64 bytesThen, const QDateTime& importedAt) {
  if (!files.there) return ModelState::missing;
  if (bytesThen > 0 && files.bytes != bytesThen) return ModelState::changed;
  // The time of import is known to the second.
  const bool later = importedAt.isValid() && files.newest > importedAt.addSecs(1);
  return later ? ModelState::changed : ModelState::sound;
}

}  // namespace moescope
