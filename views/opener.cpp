// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/opener.h"

#include <QFileInfo>
#include <QStandardPaths>
#include <QThread>
#include <optional>

#include "core/study/study.h"
#include "core/study/trust.h"
#include "views/figure_provenance.h"
#include "views/session.h"
#include "views/workbench.h"

namespace moescope {
namespace {

bool isStudy(const QString& folder) {
  return QFileInfo::exists(folder + QStringLiteral("/study.sqlite"));
}

}  // namespace

Opener::Opener(Session& session, Workbench& workbench, QObject* parent)
    : QObject(parent), session_(session), workbench_(workbench) {}

void Opener::openStudy(const QString& folder) {
  const QString path = QFileInfo(folder).absoluteFilePath();
  if (isStudy(path)) {
    Q_EMIT studyChosen(path);
    return;
  }
  Q_EMIT said(
      QStringLiteral("error"),
      tr("%1 is not a study: it has no study.sqlite. Choose another folder, or make a new study there.").arg(folder));
}

void Opener::newStudy(const QString& folder) {
  auto* maker = QThread::create([this, folder] {
    auto made = Study::create(folder.toStdString());
    if (made) (void)trust(*made);  // whoever makes a study trusts its plugins
    QMetaObject::invokeMethod(this,
                              [this, folder, error = made ? std::optional<Error>() : std::optional(made.error())] {
                                if (!error) return openStudy(folder);
                                Q_EMIT failed(*error);
                              });
  });
  connect(maker, &QThread::finished, maker, &QObject::deleteLater);
  maker->start();
}

void Opener::openModel(const QString& folder) {
  session_.addModel(folder);
  if (!workbench_.engine.study().isEmpty()) return workbench_.openModel(folder);
  firstModel_ = folder;
  const QString study = QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) +
                        QStringLiteral("/moescope/studies/") + QFileInfo(folder).fileName();
  if (isStudy(study)) return openStudy(study);
  newStudy(study);
}

void Opener::rowsArrived() {
  if (!firstModel_.isEmpty()) workbench_.openModel(std::exchange(firstModel_, {}));
}

// Its bytes are searched, not decoded, and not while the window waits.
void Opener::readFigure(const QString& file) {
  auto* reader = QThread::create([this, file] {
    auto read = readProvenance(file.toStdString());
    QMetaObject::invokeMethod(this, [this, read = std::move(read)] {
      if (!read) return Q_EMIT failed(read.error());
      Q_EMIT figureDropped(*read);
    });
  });
  connect(reader, &QThread::finished, reader, &QObject::deleteLater);
  reader->start();
}

void Opener::take(const QString& path) {
  if (isStudy(path)) return openStudy(path);
  const QString ending = QFileInfo(path).suffix().toLower();
  if (QFileInfo(path).isFile() &&
      (ending == QLatin1String("pdf") || ending == QLatin1String("png") || ending == QLatin1String("svg")))
    return readFigure(path);
  if (!QFileInfo(path).isDir()) {
    Q_EMIT said(QStringLiteral("warning"),
                tr("%1 is no folder. Drop a study, a model, a figure exported from here, or a folder of text with one "
                   "folder a domain.")
                    .arg(path));
    return;
  }
  if (QFileInfo::exists(path + QStringLiteral("/config.json"))) return openModel(path);
  if (workbench_.engine.study().isEmpty()) {
    Q_EMIT said(QStringLiteral("warning"),
                tr("Make or open a study first (File menu); then the text in %1 can be imported.").arg(path));
    return;
  }
  Q_EMIT formAsked("corpus.import", {{"path", path.toStdString()}});
}

}  // namespace moescope
