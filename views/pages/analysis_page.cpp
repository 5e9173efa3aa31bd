// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/analysis_page.h"

#include <QScrollArea>
#include <QVBoxLayout>
#include <algorithm>

#include "views/figure_panel.h"
#include "views/pages/analysis_side.h"
#include "views/theme.h"

namespace moescope {
namespace {

// Several artifacts of one kind go in: which ones, only the user can say.
bool needsChoice(const Description& operation) {
  for (std::size_t port = 0; port < operation.in.size(); ++port) {
    if (operation.in[port].many) return true;
    for (std::size_t other = 0; other < port; ++other)
      if (operation.in[port].kind == operation.in[other].kind && !operation.in[port].optional) return true;
  }
  return false;
}

}  // namespace

AnalysisPage::AnalysisPage(const QString& name, const QString& sentence, Workbench& workbench, QWidget* parent)
    : Page(name, workbench, parent), sentence_(sentence), grid_(new PanelGrid) {
  auto* body = new QWidget;
  rows_ = new QVBoxLayout(body);
  rows_->setContentsMargins(0, 0, 0, 0);
  rows_->setSpacing(Measures::gap);
  rows_->addWidget(grid_->scrolled(), 1);
  setBody(body);
  connect(&workbench_.engine, &EngineClient::finished, this, &AnalysisPage::finished);
  connect(&workbench_.engine, &EngineClient::failed, this, [this](const QString& job, const Error& error) {
    for (auto& [id, shown] : shown_)
      if (shown.job == job) {
        shown.job.clear();
        shown.failed = true;
        if (error.kind != ErrorKind::cancelled) say(error);
        progress();
      }
  });
  connect(&workbench_.engine, &EngineClient::withdrawn, this, [this](const QString& job) {
    for (auto& [id, shown] : shown_)
      if (shown.job == job) shown.job.clear();
    progress();
  });
  connect(&workbench_.engine, &EngineClient::progressed, this, &AnalysisPage::progress);
  // After a restart of the engine what was awaited is asked for again.
  connect(&workbench_.engine, &EngineClient::greeted, this, [this] {
    for (auto& [id, shown] : shown_)
      if (!shown.result) shown = {};
    if (Page::shown()) refresh();
  });
  connect(&workbench_.reader, &ResultReader::resultRead, this, &AnalysisPage::received);
  connect(&workbench_, &Workbench::reloadAsked, this, &AnalysisPage::reload);
  connect(&workbench_.reader, &ResultReader::failed, this, [this](const QString& id, const Error& error) {
    for (auto& [operation, shown] : shown_)
      if (shown.id == id && !shown.result) {
        shown.failed = true;
        say(error);
        progress();
      }
  });
}

QWidget* AnalysisPage::side() {
  if (side_ == nullptr) {
    side_ = new AnalysisSide(workbench_, name());
    connect(side_, &AnalysisSide::runAsked, this, &AnalysisPage::run);
  }
  return side_;
}

bool AnalysisPage::idle() const {
  return std::all_of(shown_.begin(), shown_.end(),
                     [](const auto& one) { return one.second.result != nullptr || one.second.failed; });
}

void AnalysisPage::refresh() {
  const QString& near = workbench_.selection.artifact();
  if (near != near_)
    for (auto& [id, shown] : shown_) shown.pinned = false;
  near_ = near;
  order_.clear();
  bool any = false, runnable = false;
  std::optional<Kind> needed;
  for (const Description* operation : workbench_.operationsOf(name())) {
    if (operation->figures.empty()) continue;
    any = true;
    if (const auto kept = shown_.find(operation->id); kept != shown_.end() && kept->second.pinned) {
      order_.push_back(operation->id);
      continue;
    }
    const auto inputs = workbench_.inputsFor(*operation, near);
    if (!inputs) {
      if (!needed && !operation->in.empty()) needed = operation->in.front().kind;
      continue;
    }
    const StudyRow* made = existing(*operation, *inputs);
    if (made == nullptr && (!operation->interactive || needsChoice(*operation))) {
      runnable = true;
      continue;
    }
    order_.push_back(operation->id);
    ask(*operation, *inputs);
  }
  std::erase_if(shown_,
                [&](const auto& one) { return std::find(order_.begin(), order_.end(), one.first) == order_.end(); });
  if (!order_.empty()) {
    showBody();
    arrange();
  } else if (!any && workbench_.operations().empty()) {
    showEmpty(tr("The engine is starting."), {}, {});
  } else if (runnable) {
    showEmpty(sentence_ + QLatin1Char(' ') + tr("Choose at the right and press Run."), {}, {});
  } else {
    showEmpty(sentence_, needed.value_or(Kind::trace));
  }
  progress();
}

// A result of this very request that the study has: the selected one goes first.
const StudyRow* AnalysisPage::existing(const Description& operation, const InputIds& inputs) const {
  std::vector<std::string> wanted;
  for (const auto& [port, ids] : inputs) wanted.insert(wanted.end(), ids.begin(), ids.end());
  const StudyRow* found = nullptr;
  const std::string selected = workbench_.selection.artifact().toStdString();
  for (const StudyRow* row : workbench_.tree.present(Kind::result)) {
    if (row->artifact.operation != operation.id) continue;
    if (row->artifact.id == selected) return row;
    std::vector<std::string> has = row->inputs;
    std::sort(has.begin(), has.end());
    std::sort(wanted.begin(), wanted.end());
    const auto set = row->request.find("set");
    const bool plain = !row->request.empty() && (set == row->request.end() || set->empty());
    const bool of = needsChoice(operation)
                        ? std::ranges::any_of(wanted, [&](const auto& id) { return std::ranges::count(has, id) > 0; })
                        : plain && has == wanted;
    if (found == nullptr && of) found = row;
  }
  return found;
}

void AnalysisPage::ask(const Description& operation, const InputIds& inputs) {
  Shown& shown = shown_[operation.id];
  const StudyRow* made = existing(operation, inputs);
  const QString id = made == nullptr ? QString() : QString::fromStdString(made->artifact.id);
  const bool selected = !id.isEmpty() && id == workbench_.selection.artifact();
  if (shown.inputs == inputs && (shown.result || !shown.job.isEmpty() || shown.failed) && (!selected || shown.id == id))
    return;
  if (shown.inputs != inputs && !shown.inputs.empty()) shown.result.reset();  // a reload keeps what is there until then
  shown.inputs = inputs;
  shown.set = Json::object();
  shown.failed = false;
  shown.job.clear();
  if (made != nullptr) {
    shown.id = id;
    workbench_.reader.readResult(id, workbench_.placeOf(id, Kind::result));
  } else if (workbench_.engine.connected()) {
    Order order{
        operation.id, inputs, Json::object(), {}, name() + QLatin1Char('/') + QString::fromStdString(operation.id),
        false};
    // Assigned before the engine can answer: answers arrive through the event loop only, failures to send at once.
    shown.id.clear();
    const QString job = workbench_.engine.submit(order);
    if (!shown.failed) shown.job = job;
  }
}

// Run of the form: the answer is kept in the study and shown in place of the one with the defaults.
void AnalysisPage::run(const Order& order) {
  Shown& shown = shown_[order.operation];
  shown.inputs = order.inputs;
  shown.set = order.set;
  shown.failed = false;
  shown.id.clear();
  shown.pinned = true;
  Order kept = order;
  kept.view = name() + QLatin1Char('/') + QString::fromStdString(order.operation);
  shown.job = workbench_.engine.submit(kept);
  if (std::find(order_.begin(), order_.end(), order.operation) == order_.end()) order_.push_back(order.operation);
  quiet();
  progress();
}

void AnalysisPage::setHeader(QWidget* header) {
  rows_->insertWidget(0, header);
}

void AnalysisPage::showResult(const std::string& operation, const Json& outputs) {
  Shown& shown = shown_[operation];
  shown = {};
  shown.pinned = true;
  if (std::find(order_.begin(), order_.end(), operation) == order_.end()) order_.push_back(operation);
  showBody();
  read(operation, outputs);
}

void AnalysisPage::read(const std::string& operation, const Json& outputs) {
  Shown& shown = shown_[operation];
  const Description* description = workbench_.operation(operation);
  const std::string port =
      description == nullptr || description->out.empty() ? "result" : description->out.front().name;
  shown.id = outputId(outputs, port);
  workbench_.reader.readResult(shown.id, workbench_.placeOf(shown.id, Kind::result, outputs));
}

void AnalysisPage::finished(const QString& job, const Json& outputs) {
  for (auto& [operation, shown] : shown_) {
    if (shown.job != job) continue;
    shown.job.clear();
    read(operation, outputs);
  }
}

void AnalysisPage::received(const QString& id, const std::shared_ptr<const Result>& result) {
  bool changed = false;
  for (auto& [operation, shown] : shown_)
    if (shown.id == id && shown.result != result) {
      shown.result = result;
      changed = true;
    }
  if (!changed) return;
  if (const Axis* layers = result->axis("layer"))
    workbench_.selection.setLayers(static_cast<std::int64_t>(layers->labels.size()));
  arrange();
  progress();
}

void AnalysisPage::arrange() {
  QList<QWidget*> panels;
  std::vector<std::shared_ptr<const Result>> results;
  for (const std::string& id : order_) {
    const auto found = shown_.find(id);
    if (found == shown_.end() || !found->second.result) continue;
    const Description* operation = workbench_.operation(id);
    const auto& result = found->second.result;
    results.push_back(result);
    const std::vector<Figure>& figures =
        result->figures.empty() && operation != nullptr ? operation->figures : result->figures;
    for (const Figure& figure : figures) {
      const std::string page = figure.page.empty() && operation != nullptr ? operation->page : figure.page;
      if (!page.empty() && page != name().toStdString()) continue;
      panels.append(panelOf(found->second, id, figure));
    }
  }
  if (panels != grid_->panels()) grid_->setPanels(panels, panels.size() > 2);
  if (side_ != nullptr) side_->setResults(results);
  arranged();
}

FigurePanel* AnalysisPage::panelWithText() const {
  for (QWidget* widget : grid_->panels())
    if (auto* panel = qobject_cast<FigurePanel*>(widget);
        panel != nullptr && panel->drawing() && panel->drawing()->text)
      return panel;
  return nullptr;
}

// The panel that is there is used again, so that its zoom and its place stay when it gets another result.
QWidget* AnalysisPage::panelOf(const Shown& shown, const std::string& operation, const Figure& figure) {
  const QString key = QString::fromStdString(operation + "/" + figure.name);
  const auto result = reinterpret_cast<quintptr>(shown.result.get());
  FigurePanel* panel = nullptr;
  for (QWidget* old : grid_->panels())
    if (old->objectName() == key) panel = qobject_cast<FigurePanel*>(old);
  if (panel == nullptr) {
    panel = new FigurePanel(workbench_);
    panel->setObjectName(key);
    connect(panel, &FigurePanel::failed, this, &AnalysisPage::say);
    connect(panel, &FigurePanel::keepAsked, this, &AnalysisPage::keep);
  }
  if (panel->property("result").toULongLong() == result) return panel;
  panel->setProperty("result", static_cast<qulonglong>(result));
  panel->showFigure(shown.id, shown.result, figure, workbench_.operation(operation));
  return panel;
}

// F5: what is shown is read again where it lies; previews that are gone are asked for anew.
void AnalysisPage::reload() {
  for (auto& [operation, shown] : shown_) {
    if (shown.pinned && !shown.id.isEmpty() && shown.result) {
      workbench_.reader.readResult(shown.id, workbench_.placeOf(shown.id, Kind::result));
    } else if (shown.job.isEmpty()) {
      shown.inputs.clear();
      shown.failed = false;
    }
  }
  if (Page::shown()) refresh();
}

// A preview enters the study once it is used: the same request, kept, is in the cache at once.
void AnalysisPage::keep(const KeptFigure& figure) {
  workbench_.figures.add(figure);
  const auto found = shown_.find(figure.operation);
  if (found == shown_.end() || found->second.inputs.empty() || workbench_.tree.row(found->second.id) != nullptr) return;
  workbench_.engine.submit({figure.operation, found->second.inputs, found->second.set, {}, {}, true});
}

void AnalysisPage::progress() {
  double fraction = -1;
  bool waiting = false;
  for (const auto& [id, shown] : shown_) {
    if (shown.failed || (shown.result && shown.job.isEmpty())) continue;
    waiting = true;
    if (const JobLine* line = workbench_.jobs.find(shown.job); line != nullptr)
      fraction = std::max(fraction, line->fraction);
  }
  setWaiting(waiting, fraction);
}

}  // namespace moescope
