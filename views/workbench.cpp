// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/workbench.h"

#include <QFileInfo>
#include <algorithm>

#include "core/study/study.h"

namespace moescope {
namespace {

const QString livePrefix = QStringLiteral("job:");

// Where several operations make an artifact of a kind, these are what a newcomer wants.
constexpr const char* usualWays[] = {"corpus.import", "train.lm", "capture.routing"};

bool makes(const Description& operation, Kind kind) {
  return std::any_of(operation.out.begin(), operation.out.end(), [&](const Port& port) { return port.kind == kind; });
}

}  // namespace

QString outputId(const Json& outputs, const std::string& port) {
  const auto found = outputs.find(port);
  if (found == outputs.end()) return {};
  if (found->is_string()) return QString::fromStdString(found->get<std::string>());
  const auto id = found->find("id");
  return found->is_object() && id != found->end() && id->is_string() ? QString::fromStdString(id->get<std::string>())
                                                                     : QString();
}

Workbench::Workbench(QObject* parent) : QObject(parent), jobs(engine), history(engine) {
  history.watch(
      QStringLiteral("selection"), tr("selection"), [this] { return selection.save(); },
      [this](const Json& state) { selection.restore(state); });
  history.watch(
      QStringLiteral("views"), tr("view"), [this] { return views.save(); },
      [this](const Json& state) { views.restore(state); });
  history.watch(
      QStringLiteral("figures"), tr("figures"), [this] { return figures.save(); },
      [this](const Json& state) { figures.restore(state); });
  const auto selected = [this] { history.noticed(QStringLiteral("selection")); };
  connect(&selection, &Selection::changed, this, selected);
  connect(&selection, &Selection::artifactChanged, this, selected);
  connect(&views, &ViewSettings::changed, this, [this] { history.noticed(QStringLiteral("views")); });
  connect(&figures, &FigureList::changed, this, [this] { history.noticed(QStringLiteral("figures")); });
  connect(&engine, &EngineClient::operationsArrived, this, &Workbench::setOperations);
  connect(&engine, &EngineClient::rowsArrived, this, [this](const std::vector<StudyRow>& rows, bool complete) {
    tree.take(rows);
    if (!complete || rowsSeen_) return;
    rowsSeen_ = true;
    Q_EMIT firstRows();
  });
  connect(&engine, &EngineClient::metricsArrived, &live, &LiveRuns::take);
  connect(&jobs, &JobModel::changed, this, &Workbench::showLive);
  connect(&live, &LiveRuns::grown, this, &Workbench::showLive);
  connect(&jobs, &JobModel::ended, this, &Workbench::ended);
}

void Workbench::open(const QString& study) {
  rowsSeen_ = false;
  tree.clear();
  reader.forget();
  selection.setArtifact({});
  selection.clear();
  engine.open(study);
  Q_EMIT opened(study);
}

void Workbench::setOperations(std::vector<Description> operations) {
  operations_ = std::move(operations);
  tree.setOperations(operations_);
  jobs.setOperations(operations_);
  Q_EMIT operationsChanged();
}

const Description* Workbench::operation(const std::string& id) const {
  const auto found =
      std::find_if(operations_.begin(), operations_.end(), [&](const Description& one) { return one.id == id; });
  return found == operations_.end() ? nullptr : &*found;
}

std::vector<const Description*> Workbench::operationsOf(const QString& page) const {
  std::vector<const Description*> found;
  const std::string wanted = page.toStdString();
  for (const Description& operation : operations_) {
    const bool shows = std::any_of(operation.figures.begin(), operation.figures.end(), [&](const Figure& figure) {
      return figure.page.empty() ? operation.page == wanted : figure.page == wanted;
    });
    if (operation.page == wanted || shows) found.push_back(&operation);
  }
  return found;
}

std::optional<InputIds> Workbench::inputsFor(const Description& operation, const QString& near) const {
  InputIds inputs;
  for (const Port& port : operation.in) {
    if (port.optional) continue;
    const StudyRow* row = tree.related(near, port.kind);
    if (row == nullptr) {
      // What does not hang together by lineage (any corpus for any model): the newest.
      const auto all = tree.present(port.kind);
      if (all.empty() || operation.in.front().kind == port.kind) return std::nullopt;
      row = all.front();
    }
    inputs[port.name] = {row->artifact.id};
  }
  return inputs;
}

const Description* Workbench::stepTowards(Kind kind) const {
  const Description* chosen = nullptr;
  for (const char* usual : usualWays)
    if (const Description* operation = this->operation(usual);
        chosen == nullptr && operation != nullptr && makes(*operation, kind))
      chosen = operation;
  for (const Description& operation : operations_)
    if (chosen == nullptr && makes(operation, kind)) chosen = &operation;
  if (chosen == nullptr) return nullptr;
  for (const Port& port : chosen->in)
    if (!port.optional && port.kind != kind && tree.present(port.kind).empty())
      if (const Description* before = stepTowards(port.kind)) return before;
  return chosen;
}

QString Workbench::placeOf(const QString& id, Kind kind, const Json& outputs) const {
  for (const Json& output : outputs) {
    if (!output.is_object() || output.value("id", "") != id.toStdString()) continue;
    for (const char* key : {"path", "file"})
      if (const auto found = output.find(key); found != output.end() && found->is_string()) {
        const QString path = QString::fromStdString(found->get<std::string>());
        return QFileInfo(path).isAbsolute() ? path : QString(engine.study() + QLatin1Char('/') + path);
      }
  }
  if (const StudyRow* row = tree.row(id); row != nullptr && !row->artifact.path.empty()) {
    const QString path = QString::fromStdString(row->artifact.path.string());
    return QFileInfo(path).isAbsolute() ? path : QString(engine.study() + QLatin1Char('/') + path);
  }
  const QString folder = engine.study();
  switch (kind) {
    case Kind::run:
      return folder + QStringLiteral("/runs/") + id;
    case Kind::trace:
      return folder + QStringLiteral("/traces/") + id;
    case Kind::model:
      return folder + QStringLiteral("/models/") + id;
    case Kind::corpus:
      return folder + QStringLiteral("/corpora/") + id;
    default:
      return folder + QStringLiteral("/arrays/") + id + QStringLiteral(".h5");
  }
}

const JobLine* Workbench::selectedJob() const {
  const QString& id = selection.artifact();
  return id.startsWith(livePrefix) ? jobs.find(id.mid(livePrefix.size())) : nullptr;
}

void Workbench::openModel(const QString& folder) {
  const QString name = QFileInfo(folder).fileName();
  opening_ = engine.submit(
      {"model.import", {}, {{"path", folder.toStdString()}}, Study::checkName(name.toStdString()) ? name : QString()});
}

void Workbench::reload() {
  reader.forget();
  engine.askRows();
  Q_EMIT reloadAsked();
}

// A running job that will give a run has its place in the tree from the start.
void Workbench::showLive(const QString& job) {
  const JobLine* line = jobs.find(job);
  if (line == nullptr || !line->active() || !line->order.keep) return;
  const Description* operation = this->operation(line->order.operation);
  if (operation == nullptr || !makes(*operation, Kind::run)) return;
  const RunSeries* series = live.find(job);
  const QString fact = series != nullptr && !series->step.empty()
                           ? tr("step %1").arg(inCount(static_cast<double>(series->step.back())))
                           : JobModel::words(*line);
  std::vector<std::string> inputs;
  for (const auto& [port, ids] : line->order.inputs) inputs.insert(inputs.end(), ids.begin(), ids.end());
  const bool first = tree.row(livePrefix + job) == nullptr;
  tree.setLive(job, Kind::run, line->order.name.isEmpty() ? tr("training") : tr("%1 · training").arg(line->order.name),
               fact, inputs);
  if (first && (selection.artifact().isEmpty() || tree.row(selection.artifact()) == nullptr)) {
    selection.setArtifact(livePrefix + job);
    Q_EMIT pageAsked(QStringLiteral("Train"));  // nothing else was looked at: here something moves
  }
}

void Workbench::ended(const QString& job) {
  const JobLine* line = jobs.find(job);
  const bool selected = selection.artifact() == livePrefix + job;
  if (job == opening_) {
    opening_.clear();
    const QString model = line == nullptr ? QString() : outputId(line->outputs, "model");
    if (!model.isEmpty()) {
      selection.setArtifact(model);
      Q_EMIT pageAsked(tr("Overview"));
    }
  }
  if (line != nullptr && line->state == JobLine::State::done && selected) {
    for (const char* port : {"run", "model"})
      if (const QString id = outputId(line->outputs, port); !id.isEmpty()) {
        selection.setArtifact(id);
        break;
      }
  }
  tree.endLive(job);
  if (line != nullptr && line->state == JobLine::State::failed && line->order.keep)
    Q_EMIT notice(QStringLiteral("error"),
                  tr("%1 failed: %2").arg(line->title, QString::fromStdString(line->error.message)),
                  line->log.join(QLatin1Char('\n')));
}

}  // namespace moescope
