// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/pages/train_page.h"

#include <QScrollArea>
#include "core/base/json_reading.h"

#include "views/figure_panel.h"
#include "views/pages/run_look.h"
#include "views/pages/train_side.h"

namespace moescope {
namespace {

const RunSeries nothing;

struct Help {
  const char* title;
  const char* text;
};
constexpr Help helps[] = {
    {"Loss by domain",
     "Cross entropy of the next token in nats, mean over the tokens of the held-out documents of each domain; exp of "
     "it is the "
     "perplexity. The thin line is the loss of each training batch, without the auxiliary losses."},
    {"Balance against its floor",
     "Coefficient of variation of the number of assignments by expert: population standard deviation over mean "
     "(Shazeer et al. "
     "2017), mean over MoE layers. The dashed floor is what perfectly balanced independent routing of one batch shows "
     "by chance: "
     "sqrt((E - k) / (N k)) for N tokens, k of E experts."},
    {"Load now",
     "Assignments of an expert in this batch over the fair share N k / E. 1 is fair, 2 twice as many tokens. Grey "
     "cells lie within "
     "two standard deviations of what balanced routing of this batch shows by chance."},
    {"A sample",
     "What the model goes on to write after a prompt from the corpus, temperature 0.8. The ground of each token is the "
     "expert that "
     "the selected layer weighted most."},
};

}  // namespace

TrainPage::TrainPage(Workbench& workbench, QWidget* parent)
    : Page(tr("Train"), workbench, parent), look_(new RunLook(workbench, this)) {
  look_->hide();
  connect(look_, &RunLook::changed, this, [this] {
    if (shown() && !pace_.isActive()) pace_.start();
  });
  auto* grid = new PanelGrid;
  QList<QWidget*> widgets;
  for (const Help& help : helps) {
    auto* panel = new FigurePanel(workbench_);
    panel->setHelp(QString::fromLatin1(help.title), QString::fromLatin1(help.text));
    connect(panel, &FigurePanel::failed, this, &TrainPage::say);
    panels_.append(panel);
    widgets.append(panel);
  }
  panels_[0]->setSource(
      [this](const ViewState&) { return lossDrawing(series() ? *series() : nothing, look_->view()); });
  panels_[1]->setSource(
      [this](const ViewState&) { return balanceDrawing(series() ? *series() : nothing, look_->view()); });
  panels_[2]->setSource(
      [this](const ViewState& view) { return loadDrawing(series() ? *series() : nothing, view, look_->view()); });
  panels_[3]->setSource([this](const ViewState& view) {
    const auto live = samples_.find(shownJob_);
    if (const auto at = look_->view().step; at && file_) return sampleDrawing(lastSample(file_->events, at), view);
    return sampleDrawing(live != samples_.end() ? std::optional(live->second) : fileSample_, view);
  });
  grid->setPanels(widgets);
  setBody(grid->scrolled());

  pace_.setSingleShot(true);
  pace_.setInterval(100);
  connect(&pace_, &QTimer::timeout, this, &TrainPage::draw);
  connect(&workbench_.live, &LiveRuns::grown, this, [this](const QString& job) {
    if (job == shownJob_ && shown() && !pace_.isActive()) pace_.start();
  });
  connect(&workbench_.engine, &EngineClient::logged, this,
          [this](const QString& job, const QString& level, const QString& text) {
            if (level != QLatin1String("sample")) return;
            const auto json = parseJson(text.toStdString());
            if (!json) return;
            if (auto sample = sampleFromJson(*json)) samples_[job] = *std::move(sample);
            if (job == shownJob_ && shown() && !pace_.isActive()) pace_.start();
          });
  connect(&workbench_.jobs, &JobModel::changed, this, [this](const QString& job) {
    if (shown() && (job == shownJob_ || shownJob_.isEmpty())) refresh();
  });
  connect(&workbench_.reader, &ResultReader::runRead, this,
          [this](const QString& id, const std::shared_ptr<const RunSeries>& run) {
            if (id != shownRun_) return;
            file_ = run;
            fileSample_ = lastSample(run->events);
            draw();
            setWaiting(false);
          });
  connect(&workbench_.reader, &ResultReader::failed, this, [this](const QString& id, const Error& error) {
    if (id != shownRun_) return;
    failed_ = true;
    say(error);
    setWaiting(false);
  });
}

QWidget* TrainPage::side() {
  if (side_ == nullptr) side_ = new TrainSide(workbench_, *look_);
  return side_;
}

bool TrainPage::idle() const {
  return Page::idle() && !pace_.isActive();
}

const RunSeries* TrainPage::series() const {
  return shownJob_.isEmpty() ? file_.get() : workbench_.live.find(shownJob_);
}

void TrainPage::refresh() {
  const JobLine* job = workbench_.selectedJob();
  const StudyRow* run = job == nullptr ? workbench_.tree.related(workbench_.selection.artifact(), Kind::run) : nullptr;
  const QString wantedJob = job == nullptr ? QString() : job->job;
  const QString wantedRun = run == nullptr ? QString() : QString::fromStdString(run->artifact.id);
  if (wantedJob.isEmpty() && wantedRun.isEmpty()) {
    shownJob_.clear();
    shownRun_.clear();
    file_.reset();
    look_->show(nullptr, nullptr);
    setWaiting(false);
    showEmpty(
        tr("While a model trains, its loss by domain, the balance of its router and what it writes are shown here."),
        Kind::run);
    if (side_ != nullptr) side_->show(nullptr, nullptr, nullptr);
    return;
  }
  showBody();
  if (wantedJob == shownJob_ && wantedRun == shownRun_) {
    if (side_ != nullptr) side_->show(job, run, series());
    return;
  }
  shownJob_ = wantedJob;
  shownRun_ = wantedRun;
  file_.reset();
  fileSample_.reset();
  failed_ = false;
  if (!shownRun_.isEmpty()) {
    setWaiting(true);
    workbench_.reader.readRun(shownRun_, workbench_.placeOf(shownRun_, Kind::run));
  } else {
    setWaiting(false);
  }
  draw();
}

void TrainPage::draw() {
  look_->show(shownRun_.isEmpty() ? nullptr : workbench_.tree.row(shownRun_), series());
  for (FigurePanel* panel : panels_) panel->refresh();
  const RunSeries* run = series();
  if (run != nullptr)
    if (const auto load = run->metrics.find("load"); load != run->metrics.end() && !load->second.shape.empty())
      workbench_.selection.setLayers(load->second.shape.front());
  if (side_ == nullptr) return;
  side_->show(workbench_.selectedJob(), shownRun_.isEmpty() ? nullptr : workbench_.tree.row(shownRun_), run);
}

}  // namespace moescope
