// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/study_memory.h"

#include <QScopedValueRollback>

#include "core/base/json_reading.h"
#include "views/session.h"
#include "views/workbench.h"

namespace moescope {
namespace {

const QString selectionKey = QStringLiteral("selection"), figuresKey = QStringLiteral("figures"),
              viewsKey = QStringLiteral("views"), pageKey = QStringLiteral("page");

QString dumped(const Json& json) {
  return QString::fromStdString(json.dump());
}

Json keptIn(const Session& session, const QString& key) {
  auto json = parseJson(session.ofStudy(key).toString().toStdString());
  return json ? *std::move(json) : Json();
}

}  // namespace

StudyMemory::StudyMemory(Session& session, Workbench& workbench, QObject* parent)
    : QObject(parent), session_(session), workbench_(workbench) {
  connect(&workbench_.selection, &Selection::artifactChanged, this, &StudyMemory::remember);
  connect(&workbench_.selection, &Selection::changed, this, &StudyMemory::remember);
  connect(&workbench_.figures, &FigureList::changed, this,
          [this] { session_.setOfStudy(figuresKey, dumped(workbench_.figures.save())); });
  connect(&workbench_.views, &ViewSettings::changed, this,
          [this] { session_.setOfStudy(viewsKey, dumped(workbench_.views.save())); });
}

void StudyMemory::remember() {
  const QString& id = workbench_.selection.artifact();
  if (opening_ || id.isEmpty() || id.startsWith(QLatin1String("job:"))) return;
  session_.setOfStudy(selectionKey, dumped(workbench_.selection.save()));
}

void StudyMemory::open(const QString& folder) {
  const QScopedValueRollback<bool> quiet(opening_, true);
  session_.setStudy(folder);
  const Json figures = keptIn(session_, figuresKey);
  workbench_.figures.restore(figures.is_null() ? Json::array() : figures);
  workbench_.views.restore(keptIn(session_, viewsKey));
  workbench_.open(folder);
  Json selection = keptIn(session_, selectionKey);
  if (selection.is_object()) selection.erase("artifact");  // not before it is known to be there
  workbench_.selection.restore(selection);
  workbench_.history.restart();
}

void StudyMemory::chooseArtifact() {
  const Json before = keptIn(session_, selectionKey);
  const QString wanted = before.is_object() && before.contains("artifact") && before["artifact"].is_string()
                             ? QString::fromStdString(before["artifact"].get<std::string>())
                             : QString();
  Selection& selection = workbench_.selection;
  const ArtifactTree& tree = workbench_.tree;
  if (selection.artifact().isEmpty() || !tree.indexOf(selection.artifact()).isValid()) {
    QString chosen = tree.indexOf(wanted).isValid() ? wanted : QString();
    for (Kind kind : {Kind::trace, Kind::model, Kind::run, Kind::corpus, Kind::result})
      if (const auto all = tree.present(kind); chosen.isEmpty() && !all.empty())
        chosen = QString::fromStdString(all.front()->artifact.id);
    selection.setArtifact(chosen);
  }
  workbench_.history.restart();
}

QString StudyMemory::page(const QString& otherwise) const {
  return session_.ofStudy(pageKey, otherwise).toString();
}

void StudyMemory::setPage(const QString& name) {
  session_.setOfStudy(pageKey, name);
}

}  // namespace moescope
