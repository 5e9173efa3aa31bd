// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/run_look.h"

#include <QGridLayout>
#include <QLabel>
#include <QListWidget>
#include <QPushButton>
#include <QSlider>
#include <algorithm>

#include "views/elided_label.h"
#include "views/parameter_field.h"

namespace moescope {
namespace {

constexpr int filmFrame = 60, filmFrames = 200;  // milliseconds; a whole training takes twelve seconds
constexpr int smoothest = 98, runsHeight = 84;   // percent of the past; pixels

}  // namespace

RunLook::RunLook(Workbench& workbench, QWidget* parent)
    : QWidget(parent),
      workbench_(workbench),
      step_(new QSlider(Qt::Horizontal)),
      smoothing_(new QSlider(Qt::Horizontal)),
      stepWords_(roleLabel("value")),
      play_(new QPushButton(tr("Play"))),
      runs_(new QListWidget),
      snapshots_(new ChoiceBox) {
  makeRows();
  film_.setInterval(filmFrame);
  connect(&film_, &QTimer::timeout, this, &RunLook::step);
  connect(play_, &QPushButton::clicked, this, &RunLook::play);
  connect(step_, &QSlider::valueChanged, this, &RunLook::changed);
  connect(smoothing_, &QSlider::valueChanged, this, &RunLook::changed);
  connect(runs_, &QListWidget::itemChanged, this, [this](const QListWidgetItem* item) {
    compareWith(item->data(Qt::UserRole).toString(), item->checkState() == Qt::Checked);
  });
  connect(snapshots_, &QComboBox::activated, this, [this] {
    if (const QString model = snapshots_->currentData().toString(); !model.isEmpty())
      workbench_.selection.setArtifact(model);
  });
  connect(&workbench_.reader, &ResultReader::runRead, this,
          [this](const QString& id, const std::shared_ptr<const RunSeries>& series) {
            const auto found = others_.find(id);
            if (found == others_.end()) return;
            found->second = series;
            Q_EMIT changed();
          });
}

void RunLook::makeRows() {
  auto* rows = new QGridLayout(this);
  rows->setContentsMargins(0, 6, 0, 6);
  rows->setSpacing(6);
  rows->setColumnMinimumWidth(0, 92);
  rows->setColumnStretch(1, 1);
  const auto add = [rows](const QString& name, QWidget* input) {
    const int row = rows->rowCount();
    rows->addWidget(roleLabel<ElidedLabel>("muted", name), row, 0);
    rows->addWidget(input, row, 1);
    input->setAccessibleName(name);
  };
  step_->setToolTip(tr("Load, loss and sample as they were at this step; the end follows what comes"));
  smoothing_->setRange(0, smoothest);
  smoothing_->setToolTip(tr("Share of the past in an exponential mean of the curves"));
  add(tr("Step"), step_);
  auto* line = new QWidget;
  auto* lineRow = new QHBoxLayout(line);
  lineRow->setContentsMargins(0, 0, 0, 0);
  lineRow->addWidget(play_);
  lineRow->addWidget(stepWords_, 1, Qt::AlignRight);
  rows->addWidget(line, rows->rowCount(), 1);
  play_->setToolTip(tr("Play the training as a film"));
  add(tr("Smoothing"), smoothing_);
  runs_->setFixedHeight(runsHeight);
  runs_->setTextElideMode(Qt::ElideMiddle);
  add(tr("Beside"), runs_);
  snapshots_->setToolTip(tr("Selects the model as it was at a step: every page then shows that model"));
  add(tr("Snapshot"), snapshots_);
}

void RunLook::show(const StudyRow* run, const RunSeries* series) {
  const QString id = run == nullptr ? QString() : QString::fromStdString(run->artifact.id);
  const bool other = id != run_ || series_ == nullptr;  // a run begins at its end
  series_ = series;
  run_ = id;
  setVisible(series_ != nullptr && !series_->step.empty());
  if (isHidden()) return film_.stop();
  const int last = static_cast<int>(series_->step.size()) - 1;
  const bool follows = step_->value() >= step_->maximum() || other;
  const QSignalBlocker quiet(step_);
  step_->setRange(0, last);
  if (follows && !playing()) step_->setValue(last);
  stepWords_->setText(QString::number(series_->step[static_cast<std::size_t>(std::clamp(step_->value(), 0, last))]));
  fillRuns();
  fillSnapshots();
}

RunView RunLook::view() const {
  RunView view;
  if (series_ != nullptr && !series_->step.empty() && step_->value() < static_cast<int>(series_->step.size()) - 1)
    view.step = series_->step[static_cast<std::size_t>(std::max(0, step_->value()))];
  view.smoothing = smoothing_->value() / 100.0;
  view.title = run_.isEmpty() ? tr("this run").toStdString() : workbench_.tree.title(run_).toStdString();
  for (const auto& [id, series] : others_)
    if (series) view.others.push_back({workbench_.tree.title(id).toStdString(), series.get()});
  return view;
}

void RunLook::setStep(std::int64_t at) {
  if (series_ == nullptr || series_->step.empty()) return;
  const auto found = std::lower_bound(series_->step.begin(), series_->step.end(), at);
  step_->setValue(static_cast<int>(found - series_->step.begin()));
}

void RunLook::play() {
  if (playing()) {
    film_.stop();
  } else {
    if (step_->value() >= step_->maximum()) step_->setValue(0);
    film_.start();
  }
  play_->setText(playing() ? tr("Stop") : tr("Play"));
}

void RunLook::step() {
  step_->setValue(step_->value() + std::max(1, step_->maximum() / filmFrames));
  if (step_->value() < step_->maximum()) return;
  film_.stop();
  play_->setText(tr("Play"));
}

void RunLook::compareWith(const QString& run, bool on) {
  if (on == others_.contains(run)) return;
  if (on) {
    others_[run] = nullptr;
    workbench_.reader.readRun(run, workbench_.placeOf(run, Kind::run));
  } else {
    others_.erase(run);
  }
  Q_EMIT changed();
}

void RunLook::fillRuns() {
  QStringList wanted, shown;
  for (const StudyRow* row : workbench_.tree.present(Kind::run))
    if (const QString id = QString::fromStdString(row->artifact.id); id != run_) wanted << id;
  for (int at = 0; at < runs_->count(); ++at) shown << runs_->item(at)->data(Qt::UserRole).toString();
  runs_->setEnabled(!wanted.isEmpty());
  if (wanted == shown) return;
  const QSignalBlocker quiet(runs_);
  runs_->clear();
  std::erase_if(others_, [&](const auto& other) { return !wanted.contains(other.first); });
  for (const QString& id : std::as_const(wanted)) {
    auto* item = new QListWidgetItem(workbench_.tree.title(id), runs_);
    item->setData(Qt::UserRole, id);
    item->setFlags(Qt::ItemIsEnabled | Qt::ItemIsUserCheckable | Qt::ItemIsSelectable);
    item->setCheckState(others_.contains(id) ? Qt::Checked : Qt::Unchecked);
  }
}

// Models of the same request: of a run that is done, and of one that has left snapshots on the way.
void RunLook::fillSnapshots() {
  const StudyRow* run = workbench_.tree.row(run_);
  const QSignalBlocker quiet(snapshots_);
  snapshots_->clear();
  snapshots_->addItem(tr("choose a step"), QString());
  std::vector<std::pair<std::int64_t, QString>> models;
  for (const StudyRow* row : workbench_.tree.present(Kind::model)) {
    const auto step = row->summary.find("step");
    if (run == nullptr || step == row->summary.end() || !step->is_number_integer() ||
        row->artifact.operation != run->artifact.operation ||
        row->request.value("set", Json()) != run->request.value("set", Json()) || row->inputs != run->inputs)
      continue;
    models.emplace_back(step->get<std::int64_t>(), QString::fromStdString(row->artifact.id));
  }
  std::sort(models.begin(), models.end());
  for (const auto& [step, model] : models) snapshots_->addItem(tr("step %1").arg(step), model);
  const int here = snapshots_->findData(workbench_.selection.artifact());
  snapshots_->setCurrentIndex(std::max(0, here));
  snapshots_->setEnabled(!models.empty());
}

}  // namespace moescope
