// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDateTime>
#include <QString>

namespace moescope {

// What can be seen of a checkpoint's folder without opening a file.
struct ModelFiles {
  bool there = false;  // with a config.json
  qint64 bytes = 0;    // of all files in the folder
  QDateTime newest;    // when one of them last changed
  QString newestName;
};
ModelFiles modelFiles(const QString& folder);

enum class ModelState { sound, missing, changed };
// Against what was there when it was imported: the bytes counted then, and the time.
ModelState stateOf(const ModelFiles& files, qint64 bytesThen, const QDateTime& importedAt);

}  // namespace moescope
