// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/job_model.h"

#include <algorithm>

namespace moescope {
namespace {
constexpr std::size_t mostLines = 200;
constexpr qsizetype mostLog = 500;

// A job that this window did not submit.
JobLine lineOf(const KnownJob& job) {
  JobLine line;
  line.job = job.job;
  line.order.operation = job.operation.toStdString();
  line.order.name = job.name;
  line.order.keep = job.keep;
  for (const auto& [port, ids] : job.inputs.items())
    for (const Json& id : ids)
      if (id.is_string()) line.order.inputs[port].push_back(id.get<std::string>());
  if (job.set.is_object()) line.order.set = job.set;
  line.state = job.state == QLatin1String("running") ? JobLine::State::running : JobLine::State::waiting;
  return line;
}

}  // namespace

JobModel::JobModel(EngineClient& engine, QObject* parent) : QAbstractListModel(parent), engine_(engine) {
  connect(&engine, &EngineClient::submitted, this, [this](const QString& job, const Order& order) {
    JobLine line;
    line.job = job;
    line.order = order;
    add(std::move(line));
  });
  connect(&engine, &EngineClient::accepted, this, [this](const QString& job) {
    if (JobLine* line = mutableLine(job)) line->state = JobLine::State::running, update(job);
  });
  // A recipe or a command line at work in the same study; previews of other windows are nobody's business.
  connect(&engine, &EngineClient::seen, this, [this](const KnownJob& job) {
    if (find(job.job) != nullptr || !job.keep || job.state != QLatin1String("running")) return;
    add(lineOf(job));
    engine_.attach(job.job, 0);
  });
  connect(&engine, &EngineClient::progressed, this,
          [this](const QString& job, double fraction, const QString& stage, double left) {
            JobLine* line = mutableLine(job);
            if (line == nullptr) return;
            if (line->active()) line->state = JobLine::State::running;
            line->fraction = fraction;
            line->stage = stage;
            line->secondsLeft = left;
            update(job);
          });
  connect(&engine, &EngineClient::logged, this, [this](const QString& job, const QString& level, const QString& text) {
    JobLine* line = mutableLine(job);
    if (line == nullptr || level == QLatin1String("sample")) return;  // samples are for the Train page
    line->log.append(level == QLatin1String("info") ? text : QString(level + QStringLiteral(": ") + text));
    while (line->log.size() > mostLog) line->log.removeFirst();
    update(job);
  });
  connect(&engine, &EngineClient::finished, this, [this](const QString& job, const Json& outputs) {
    if (JobLine* line = mutableLine(job)) line->outputs = outputs;
    end(job, JobLine::State::done);
  });
  connect(&engine, &EngineClient::failed, this, [this](const QString& job, const Error& error) {
    if (JobLine* line = mutableLine(job)) line->error = error;
    end(job, error.kind == ErrorKind::cancelled ? JobLine::State::cancelled : JobLine::State::failed);
  });
  connect(&engine, &EngineClient::withdrawn, this, [this](const QString& job) {
    end(job, JobLine::State::withdrawn);
    remove(job);
  });
  connect(&engine, &EngineClient::greeted, this,
          [this](const Json&, const std::vector<KnownJob>& jobs) { greeted(jobs); });
}

void JobModel::setOperations(const std::vector<Description>& operations) {
  for (const Description& description : operations) titles_[description.id] = QString::fromStdString(description.title);
  for (JobLine& line : lines_)
    if (const auto title = titles_.find(line.order.operation); title != titles_.end()) line.title = title->second;
  if (!lines_.empty()) Q_EMIT dataChanged(index(0), index(static_cast<int>(lines_.size()) - 1));
}

void JobModel::add(JobLine line) {
  const auto title = titles_.find(line.order.operation);
  line.title = title != titles_.end() ? title->second : QString::fromStdString(line.order.operation);
  line.since.start();
  beginInsertRows({}, 0, 0);
  const QString job = line.job;
  lines_.push_front(std::move(line));
  endInsertRows();
  while (lines_.size() > mostLines && !lines_.back().active()) {
    const int last = static_cast<int>(lines_.size()) - 1;
    beginRemoveRows({}, last, last);
    lines_.pop_back();
    endRemoveRows();
  }
  Q_EMIT changed(job);
}

// After a restart of the supervisor: what it still knows is followed again, what it does not know has gone with it.
void JobModel::greeted(const std::vector<KnownJob>& jobs) {
  const auto known = [&](const QString& job) {
    return std::any_of(jobs.begin(), jobs.end(), [&](const KnownJob& other) { return other.job == job; });
  };
  QStringList gone;
  for (const JobLine& line : lines_)
    if (line.active() && !known(line.job)) gone.append(line.job);
  for (const QString& job : gone) {
    if (JobLine* line = mutableLine(job))
      line->error =
          environmentError("The engine stopped before this was done. Run it again; what is cached is not made twice.");
    end(job, JobLine::State::failed);
  }
  for (const KnownJob& job : jobs) {
    if (job.state != QLatin1String("running") && job.state != QLatin1String("queued")) continue;
    if (find(job.job) == nullptr) add(lineOf(job));
    engine_.attach(job.job, 0);
  }
}

const JobLine* JobModel::find(const QString& job) const {
  const auto found = std::find_if(lines_.begin(), lines_.end(), [&](const JobLine& line) { return line.job == job; });
  return found == lines_.end() ? nullptr : &*found;
}

JobLine* JobModel::mutableLine(const QString& job) {
  return const_cast<JobLine*>(find(job));
}

const JobLine* JobModel::line(int row) const {
  return row >= 0 && row < static_cast<int>(lines_.size()) ? &lines_[static_cast<std::size_t>(row)] : nullptr;
}

const JobLine* JobModel::current() const {
  const JobLine* any = nullptr;
  for (const JobLine& line : lines_) {
    if (!line.active()) continue;
    if (line.order.keep) return &line;
    if (any == nullptr) any = &line;
  }
  return any;
}

int JobModel::active() const {
  return static_cast<int>(
      std::count_if(lines_.begin(), lines_.end(), [](const JobLine& line) { return line.active(); }));
}

void JobModel::update(const QString& job) {
  for (std::size_t row = 0; row < lines_.size(); ++row)
    if (lines_[row].job == job) Q_EMIT dataChanged(index(static_cast<int>(row)), index(static_cast<int>(row)));
  Q_EMIT changed(job);
}

void JobModel::end(const QString& job, JobLine::State state) {
  JobLine* line = mutableLine(job);
  if (line == nullptr || !line->active()) return;
  line->state = state;
  line->seconds = static_cast<double>(line->since.elapsed()) / 1000;
  update(job);
  Q_EMIT ended(job);
}

void JobModel::remove(const QString& job) {
  for (std::size_t row = 0; row < lines_.size(); ++row) {
    if (lines_[row].job != job) continue;
    beginRemoveRows({}, static_cast<int>(row), static_cast<int>(row));
    lines_.erase(lines_.begin() + static_cast<std::ptrdiff_t>(row));
    endRemoveRows();
    return;
  }
}

QString JobModel::words(const JobLine& line) {
  switch (line.state) {
    case JobLine::State::waiting:
      return tr("waiting");
    case JobLine::State::running: {
      QStringList parts;
      if (line.fraction >= 0) parts << tr("%1 %").arg(qRound(100 * std::min(1.0, line.fraction)));
      if (line.secondsLeft >= 0) parts << tr("%1 left").arg(inTime(line.secondsLeft));
      return parts.isEmpty() ? (line.stage.isEmpty() ? tr("running") : line.stage) : parts.join(QStringLiteral(", "));
    }
    case JobLine::State::done:
      return tr("done in %1").arg(line.seconds < 1 ? tr("less than 1 s") : inTime(line.seconds));
    case JobLine::State::failed:
      return tr("failed: %1").arg(QString::fromStdString(line.error.message));
    case JobLine::State::cancelled:
      return tr("cancelled");
    case JobLine::State::withdrawn:
      return tr("withdrawn");
  }
  return {};
}

int JobModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(lines_.size());
}

QVariant JobModel::data(const QModelIndex& index, int role) const {
  const JobLine* job = line(index.row());
  if (job == nullptr || !index.isValid()) return {};
  if (role == Qt::DisplayRole) return QString(job->title + QStringLiteral(" · ") + words(*job));
  if (role == Qt::ToolTipRole) return words(*job);
  if (role == Qt::UserRole) return job->job;
  return {};
}

}  // namespace moescope
