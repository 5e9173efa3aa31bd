// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/sheet_source.h"

#include "views/workbench.h"

namespace moescope {

SheetSource::SheetSource(Workbench& workbench, QObject* parent) : QObject(parent), workbench_(workbench) {
  connect(&workbench_.reader, &ResultReader::resultRead, this,
          [this](const QString& id, const std::shared_ptr<const Result>& result) {
            if (asked_.erase(id) == 0) return;
            results_[id] = result;
            Q_EMIT changed();
          });
  connect(&workbench_.reader, &ResultReader::failed, this, [this](const QString& id, const Error& error) {
    if (asked_.erase(id) == 0) return;
    Q_EMIT failed(error);
    Q_EMIT changed();
  });
  connect(&workbench_, &Workbench::opened, this, [this] {
    results_.clear();
    asked_.clear();
    applied_.clear();
  });
  connect(&workbench_, &Workbench::reloadAsked, this, [this] {
    results_.clear();
    ask();
  });
  connect(&workbench_.engine, &EngineClient::finished, this, &SheetSource::finished);
}

void SheetSource::ask() {
  for (const KeptFigure& kept : workbench_.figures.figures()) {
    const QString id = QString::fromStdString(kept.result);
    if (results_.contains(id) || !asked_.insert(id).second) continue;
    workbench_.reader.readResult(id, workbench_.placeOf(id, Kind::result));
  }
}

const Result* SheetSource::result(std::size_t panel) const {
  const auto found = results_.find(QString::fromStdString(workbench_.figures.figures()[panel].result));
  return found == results_.end() ? nullptr : found->second.get();
}

std::optional<Drawing> SheetSource::drawing(std::size_t panel) const {
  const Result* its = result(panel);
  if (its == nullptr) return std::nullopt;
  const KeptFigure& kept = workbench_.figures.figures()[panel];
  auto drawn = draw(*its, kept.figure, kept.view);
  if (drawn) return *std::move(drawn);
  Drawing nothing;
  nothing.title = kept.figure.title.empty() ? kept.figure.name : kept.figure.title;
  nothing.empty = drawn.error().message;
  return nothing;
}

std::unique_ptr<SheetLayout> SheetSource::layout() const {
  std::vector<Drawing> drawings;
  const auto& panels = workbench_.figures.figures();
  for (std::size_t at = 0; at < panels.size(); ++at) {
    auto drawn = drawing(at);
    if (!drawn) {
      drawn.emplace();
      drawn->title = panels[at].figure.title.empty() ? panels[at].figure.name : panels[at].figure.title;
      drawn->empty = waiting() ? tr("The result is being read.").toStdString()
                               : tr("The result of this panel is not in this study.").toStdString();
    }
    drawings.push_back(*std::move(drawn));
  }
  return std::make_unique<SheetLayout>(workbench_.figures.sheet(), std::move(drawings), workbench_.paper.style());
}

Provenance SheetSource::provenance() const {
  Provenance provenance;
  const auto& panels = workbench_.figures.figures();
  if (!panels.empty()) {
    provenance.operation = panels.front().operation;
    provenance.result = panels.front().result;
    if (const StudyRow* row = workbench_.tree.row(QString::fromStdString(provenance.result)))
      provenance.request = row->artifact.request;
  }
  provenance.sheet = workbench_.figures.save();
  provenance.sheet["venue"] = workbench_.paper.preset().toStdString();
  provenance.sheet["full"] = workbench_.paper.full();
  return provenance;
}

void SheetSource::applyTo(const QString& artifact) {
  std::map<std::string, QString> jobs;  // by result: two panels of one result ask once
  for (const KeptFigure& panel : workbench_.figures.figures()) {
    const Description* operation = workbench_.operation(panel.operation);
    if (operation == nullptr || jobs.contains(panel.result)) continue;
    const auto inputs = workbench_.inputsFor(*operation, artifact);
    if (!inputs) continue;
    const StudyRow* row = workbench_.tree.row(QString::fromStdString(panel.result));
    const bool set = row != nullptr && row->request.contains("set");
    const QString job =
        workbench_.engine.submit({panel.operation, *inputs, set ? row->request["set"] : Json::object(), {}, {}, true});
    jobs[panel.result] = job;
    applied_[job].insert(panel.result);
  }
}

void SheetSource::finished(const QString& job, const Json& outputs) {
  const auto found = applied_.find(job);
  if (found == applied_.end()) return;
  const std::set<std::string> replaced = found->second;
  applied_.erase(found);
  const std::string now = outputId(outputs, "result").toStdString();
  if (now.empty()) return;
  const auto panels = workbench_.figures.figures();
  for (std::size_t at = 0; at < panels.size(); ++at) {
    if (!replaced.contains(panels[at].result)) continue;
    KeptFigure moved = panels[at];
    moved.result = now;
    workbench_.figures.replace(at, std::move(moved));
  }
}

}  // namespace moescope
