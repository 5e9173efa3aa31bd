// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/train_side.h"

#include <QGridLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>
#include <cmath>

#include "core/base/json_reading.h"
#include "views/elided_label.h"
#include "views/fact_list.h"
#include "views/pages/run_look.h"
#include "views/parameter_field.h"
#include "views/parameter_form.h"
#include "views/run_drawings.h"
#include "views/theme.h"

namespace moescope {
namespace {

// What a training takes as an event at a step, recorded with its request so that it replays.
constexpr std::pair<const char*, const char*> changeable[] = {
    {"learning_rate", "Learning rate"}, {"balance", "Balance loss"}, {"z_loss", "Router z-loss"}};

double numberIn(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : std::nan("");
}

QString perSecond(double tokens) {
  return std::isnan(tokens) ? QStringLiteral("–") : FactList::tr("%1 tokens/s").arg(inCount(std::round(tokens)));
}

}  // namespace

TrainSide::TrainSide(Workbench& workbench, RunLook& look, QWidget* parent)
    : QWidget(parent),
      workbench_(workbench),
      title_(roleLabel<ElidedLabel>("section")),
      facts_(new FactList),
      eventsTitle_(roleLabel<ElidedLabel>("section", tr("Events"))),
      events_(new FactList),
      form_(new ParameterForm(workbench.tree)) {
  controls_ = makeControls();
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(Measures::padding, 12, Measures::padding, 12);
  layout->setSpacing(4);
  title_->setMinimumHeight(22);
  eventsTitle_->setMinimumHeight(22);
  layout->addWidget(title_);
  layout->addWidget(facts_);
  layout->addWidget(controls_);
  layout->addWidget(&look);
  layout->addWidget(eventsTitle_);
  layout->addWidget(events_);
  layout->addSpacing(8);
  layout->addWidget(form_);
  layout->addStretch(1);
  connect(form_, &ParameterForm::runAsked, this, [this](const Order& order) { workbench_.engine.submit(order); });
  connect(&workbench_, &Workbench::operationsChanged, this, &TrainSide::fillForm);
  connect(&workbench_.selection, &Selection::artifactChanged, form_, &ParameterForm::follow);
  fillForm();
  show(nullptr, nullptr, nullptr);
}

QWidget* TrainSide::makeControls() {
  auto* controls = new QWidget;
  auto* layout = new QGridLayout(controls);
  layout->setContentsMargins(0, 8, 0, 8);
  layout->setSpacing(6);
  auto* buttons = new QHBoxLayout;
  pause_ = new QPushButton(tr("Pause"));
  auto* snapshot = new QPushButton(tr("Snapshot"));
  auto* stop = new QPushButton(tr("Stop"));
  snapshot->setToolTip(tr("Keep the model as it is now, as an artifact of its own."));
  stop->setToolTip(tr("Stop training. What is committed stays; running it again goes on from here."));
  connect(pause_, &QPushButton::clicked, this, [this] {
    paused_ = !paused_;
    workbench_.engine.sendEvent(job_, {{paused_ ? "pause" : "resume", true}});
    pause_->setText(paused_ ? tr("Resume") : tr("Pause"));
  });
  connect(snapshot, &QPushButton::clicked, this, [this] { workbench_.engine.sendEvent(job_, {{"snapshot", true}}); });
  connect(stop, &QPushButton::clicked, this, [this] { workbench_.engine.cancel(job_); });
  for (QPushButton* button : {pause_, snapshot, stop}) buttons->addWidget(button);
  buttons->addStretch(1);
  layout->addLayout(buttons, 0, 0, 1, 2);
  auto* title = roleLabel<ElidedLabel>("section", tr("From the next step"));
  title->setMinimumHeight(26);
  layout->addWidget(title, 1, 0, 1, 2);
  int row = 2;
  for (const auto& [parameter, words] : changeable) {
    auto* edit = new UnitEdit({});
    edit->setAccessibleName(tr(words));
    edit->setObjectName(QString::fromLatin1(parameter));
    layout->addWidget(roleLabel<ElidedLabel>("muted", tr(words)), row, 0);
    layout->addWidget(edit, row++, 1);
    changes_.emplace_back(parameter, edit);
  }
  wrong_ = roleLabel("wrong");
  wrong_->setWordWrap(true);
  wrong_->hide();
  layout->addWidget(wrong_, row++, 0, 1, 2);
  auto* apply = new QPushButton(tr("Apply"));
  apply->setProperty("kind", "primary");
  connect(apply, &QPushButton::clicked, this, &TrainSide::apply);
  layout->addWidget(apply, row, 1);
  layout->setColumnMinimumWidth(0, 104);
  layout->setColumnStretch(1, 1);
  return controls;
}

void TrainSide::apply() {
  Json set = Json::object();
  QStringList words;
  for (const auto& [name, edit] : changes_) {
    if (edit->text().trimmed().isEmpty()) continue;
    bool right = false;
    const double value = edit->text().trimmed().toDouble(&right);
    if (!right || value < 0) {
      wrong_->setText(tr("%1 is %2; give a number from 0.").arg(plainName(name), edit->text()));
      wrong_->show();
      return;
    }
    set[name] = value;
    words << plainName(name).toLower() + QStringLiteral(" → ") + edit->text().trimmed();
  }
  wrong_->hide();
  if (set.empty()) return;
  workbench_.engine.sendEvent(job_, {{"set", set}});
  const RunSeries* series = workbench_.live.find(job_);
  const std::int64_t step = series == nullptr || series->step.empty() ? 1 : series->step.back() + 1;
  applied_.append({tr("step %1").arg(step), words.join(QStringLiteral(", "))});
  showEvents(series);
}

void TrainSide::fillForm() {
  const Description* train = workbench_.operation("train.lm");
  if (train != nullptr) form_->setOperation(*train, workbench_.selection.artifact());
}

void TrainSide::show(const JobLine* job, const StudyRow* run, const RunSeries* series) {
  const bool live = job != nullptr && job->active();
  if (live && job->job != job_) {
    job_ = job->job;
    paused_ = false;
    pause_->setText(tr("Pause"));
    applied_.clear();
  }
  controls_->setVisible(live);
  form_->setVisible(!live && workbench_.operation("train.lm") != nullptr);
  title_->setText(live ? (job->order.name.isEmpty() ? tr("Training") : tr("%1 · training").arg(job->order.name))
                  : run != nullptr ? workbench_.tree.title(QString::fromStdString(run->artifact.id))
                                   : QString());
  title_->setVisible(!title_->text().isEmpty());
  showFacts(job, run, series);
  if (!live) applied_.clear();
  showEvents(series);
}

void TrainSide::showFacts(const JobLine* job, const StudyRow* run, const RunSeries* series) {
  QList<Fact> facts;
  const bool live = job != nullptr && job->active();
  if (series != nullptr && !series->step.empty()) {
    const Json& set = live                                             ? job->order.set
                      : run != nullptr && run->request.contains("set") ? run->request["set"]
                                                                       : Json::object();
    double steps = numberIn(set, "steps");
    if (const Description* train = live ? workbench_.operation(job->order.operation) : nullptr;
        train != nullptr && std::isnan(steps))
      for (const Parameter& parameter : train->parameters)
        if (parameter.name == "steps" && parameter.initial.is_number()) steps = parameter.initial.get<double>();
    const QString step = inCount(static_cast<double>(series->step.back()));
    facts.append({tr("Step"), std::isnan(steps) ? step : tr("%1 of %2").arg(step, inCount(steps))});
    facts.append({tr("Tokens seen"), inCount(total(*series, "tokens"))});
    if (live) facts.append({tr("Speed"), perSecond(lastValue(*series, "tokens_per_second"))});
    const double loss = lastValue(*series, "validation_loss");
    if (!std::isnan(loss))
      facts.append({tr("Held-out loss"), tr("%1 nats").arg(QString::fromStdString(number(loss))),
                    tr("Mean over the tokens of the held-out documents.")});
    const double dropped = lastValue(*series, "dropped");
    if (dropped > 0)
      facts.append({tr("Dropped"), tr("%1 % of assignments").arg(QString::fromStdString(number(100 * dropped)))});
  }
  if (live) {
    facts.append({tr("Time left"), job->secondsLeft >= 0 ? inTime(job->secondsLeft) : QStringLiteral("–")});
    if (!job->stage.isEmpty()) facts.append({tr("Stage"), job->stage});
  }
  if (run != nullptr) {
    const double parameters = numberIn(run->summary, "parameters"), active = numberIn(run->summary, "active");
    if (!std::isnan(parameters))
      facts.append({tr("Parameters"), std::isnan(active)
                                          ? inCount(parameters)
                                          : tr("%1, %2 active").arg(inCount(parameters), inCount(active))});
  }
  facts_->setFacts(facts);
  facts_->setVisible(!facts.isEmpty());
}

void TrainSide::showEvents(const RunSeries* series) {
  QList<Fact> facts;
  if (series != nullptr)
    for (const std::string& line : series->events) {
      const auto event = parseJson(line);
      if (!event || !event->is_object() || !event->contains("set") || !(*event)["set"].is_object()) continue;
      QStringList words;
      for (const auto& [name, value] : (*event)["set"].items())
        words << plainName(name).toLower() + QStringLiteral(" → ") + inWords(value);
      facts.append({tr("step %1").arg(event->contains("step") ? inWords((*event)["step"]) : QStringLiteral("?")),
                    words.join(QStringLiteral(", "))});
    }
  for (const auto& [step, what] : applied_) facts.append({step, what});
  events_->setFacts(facts);
  events_->setVisible(!facts.isEmpty());
  eventsTitle_->setVisible(!facts.isEmpty());
}

}  // namespace moescope
