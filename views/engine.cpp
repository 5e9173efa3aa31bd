// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/engine.h"

#include <QCoreApplication>
#include <QRandomGenerator>
#include <algorithm>
#include <iterator>

#include "core/base/json_reading.h"

namespace moescope {
namespace {

constexpr qint64 longestLine = 4 << 20;
constexpr qint64 mostBytes = 8 << 20;

QString textAt(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? QString::fromStdString(found->get<std::string>()) : QString();
}

double realAt(const Json& json, const char* key, double otherwise = -1) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->get<double>() : otherwise;
}

std::int64_t wholeAt(const Json& json, const char* key, std::int64_t otherwise = -1) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number_integer() ? found->get<std::int64_t>() : otherwise;
}

Json objectAt(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() ? *found : Json::object();
}

bool more(const Json& message) {
  const auto found = message.find("more");
  return found != message.end() && found->is_boolean() && found->get<bool>();
}

QString jobPrefix() {
  static const QString prefix =
      QStringLiteral("window-%1-").arg(QRandomGenerator::global()->generate(), 8, 16, QLatin1Char('0'));
  return prefix;
}

KnownJob knownJob(const Json& job) {
  KnownJob known{textAt(job, "job"),  textAt(job, "operation"), textAt(job, "state"), {},
                 objectAt(job, "in"), objectAt(job, "set")};
  // The shortest of NAME and NAME.PORT is what the user typed.
  const Json names = objectAt(job, "names");
  for (const Json& named : names)
    if (named.is_string() &&
        (known.name.isEmpty() || known.name.size() > static_cast<qsizetype>(named.get<std::string>().size())))
      known.name = QString::fromStdString(named.get<std::string>());
  if (const auto keep = job.find("keep"); keep != job.end() && keep->is_boolean()) known.keep = keep->get<bool>();
  return known;
}

}  // namespace

EngineClient::EngineClient(QObject* parent) : QObject(parent) {
  again_.setSingleShot(true);
  connect(&again_, &QTimer::timeout, this, &EngineClient::start);
}

EngineClient::~EngineClient() {
  close();
}

void EngineClient::setCommand(const QString& command) {
  command_ = QProcess::splitCommand(command);
}

void EngineClient::open(const QString& study) {
  close();
  study_ = study;
  failures_ = 0;
  start();
}

void EngineClient::close() {
  again_.stop();
  greeted_ = rowsAsked_ = false;
  revision_ = 0;
  study_.clear();
  if (process_ == nullptr) return;
  QProcess* process = std::exchange(process_, nullptr);
  process->disconnect(this);
  // At the end of its input the supervisor leaves; running jobs go on. It is not waited for.
  process->setParent(nullptr);
  connect(process, &QProcess::finished, process, &QObject::deleteLater);
  process->closeWriteChannel();
  if (process->state() == QProcess::NotRunning) process->deleteLater();
  if (QCoreApplication::closingDown()) return;
  QTimer::singleShot(3000, process, &QProcess::terminate);
}

void EngineClient::start() {
  if (study_.isEmpty() || process_ != nullptr) return;
  QStringList arguments = command_;
  if (arguments.isEmpty())
    arguments = {QCoreApplication::applicationDirPath() + QStringLiteral("/moescope-cli"), QStringLiteral("serve")};
  const QString program = arguments.takeFirst();
  input_.clear();
  errors_.clear();
  pendingBytes_ = -1;
  operations_.clear();
  rowsAsked_ = false;
  process_ = new QProcess(this);
  connect(process_, &QProcess::readyReadStandardOutput, this, &EngineClient::read);
  connect(process_, &QProcess::readyReadStandardError, this, [this] { keepErrors(); });
  connect(process_, &QProcess::errorOccurred, this, [this, program](QProcess::ProcessError error) {
    if (error == QProcess::FailedToStart)
      died(tr("The engine could not be started: %1: %2.").arg(program, process_->errorString()));
  });
  connect(process_, &QProcess::finished, this, [this](int code, QProcess::ExitStatus status) {
    died(status == QProcess::CrashExit
             ? tr("The engine was killed or crashed (signal %1). Running jobs go on.").arg(code)
             : tr("The engine ended with code %1. Running jobs go on.").arg(code));
  });
  process_->start(program, arguments);
  send({{"type", "hello"}, {"version", 1}, {"study", study_.toStdString()}});
}

void EngineClient::keepErrors() {
  errors_ += process_->readAllStandardError();
  errors_ = errors_.right(8192);
}

void EngineClient::died(const QString& what) {
  if (process_ == nullptr) return;
  keepErrors();
  process_->disconnect(this);
  process_->deleteLater();
  process_ = nullptr;
  greeted_ = rowsAsked_ = false;
  const int delay = std::min(30000, 500 << std::min(failures_++, 6));
  again_.start(delay);
  Q_EMIT lost(what, QString::fromUtf8(errors_).trimmed(), (delay + 999) / 1000);
}

void EngineClient::send(Json message) {
  if (process_ == nullptr) return;
  message["seq"] = ++seq_;
  if (const QString job = textAt(message, "job"); !job.isEmpty()) jobBySeq_[seq_] = job;
  // Text typed by a user may hold anything; the line must be UTF-8.
  const std::string line = message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  process_->write(line.data(), static_cast<qint64>(line.size()));
}

void EngineClient::read() {
  input_ += process_->readAllStandardOutput();
  while (process_ != nullptr && takeMessage()) {
  }
  if (process_ != nullptr && pendingBytes_ < 0 && input_.size() > longestLine) {
    process_->kill();
    died(tr("The engine wrote a line longer than 4 MiB; it was stopped."));
  }
}

bool EngineClient::takeMessage() {
  if (pendingBytes_ >= 0) {
    if (input_.size() < pendingBytes_) return false;
    const QByteArray bytes = input_.left(pendingBytes_);
    input_.remove(0, pendingBytes_);
    pendingBytes_ = -1;
    dispatch(std::exchange(pending_, Json()), bytes);
    return true;
  }
  const qsizetype end = input_.indexOf('\n');
  if (end < 0) return false;
  const QByteArray line = input_.left(end);
  input_.remove(0, end + 1);
  if (line.trimmed().isEmpty()) return true;
  auto message = parseJson(std::string_view(line.constData(), static_cast<std::size_t>(line.size())), "engine");
  if (!message || !message->is_object()) {
    Q_EMIT logged({}, QStringLiteral("warning"),
                  tr("The engine said something that is no message: %1").arg(QString::fromUtf8(line.left(200))));
    return true;
  }
  const std::int64_t bytes = wholeAt(*message, "bytes");
  if (bytes < 0 || bytes > mostBytes) return dispatch(*message, {}), true;
  pending_ = *std::move(message);
  pendingBytes_ = bytes;
  return true;
}

void EngineClient::dispatch(const Json& message, const QByteArray& bytes) {
  const std::string type = textAt(message, "type").toStdString();
  if (type == "hello") return greet(message);
  if (type == "operations") return takeOperations(message);
  if (type == "rows") return takeRows(message);
  if (type == "edited") {
    Q_EMIT edited(message);
    return askRows();
  }
  if (type == "log") {
    Q_EMIT logged(textAt(message, "job"), textAt(message, "level"), textAt(message, "text"));
    return;
  }
  if (type == "part") {
    Q_EMIT partArrived(textAt(message, "id"), textAt(message, "path"), wholeAt(message, "offset", 0),
                       wholeAt(message, "total", 0), bytes);
    return;
  }
  if (type == "error") {
    const Error error = errorFromJson(objectAt(message, "error"));
    const QString job =
        textAt(message, "job").isEmpty() ? jobBySeq_.value(wholeAt(message, "seq")) : textAt(message, "job");
    if (!job.isEmpty()) {
      Q_EMIT failed(job, error);
    } else {
      rowsAsked_ = false;
      Q_EMIT refused(error);
    }
    return;
  }
  dispatchJob(type, message);
}

void EngineClient::dispatchJob(const std::string& type, const Json& message) {
  const QString job = textAt(message, "job");
  if (type == "accepted") {
    Q_EMIT accepted(job);
  } else if (type == "progress") {
    if (message.contains("operation")) Q_EMIT seen(knownJob(message));
    Q_EMIT progressed(job, realAt(message, "fraction"), textAt(message, "stage"), realAt(message, "eta"));
  } else if (type == "metrics") {
    Q_EMIT metricsArrived(metricsFromJson(message));
  } else if (type == "artifact") {
    const auto final = message.find("final");
    Q_EMIT artifactArrived(job, textAt(message, "port"), textAt(message, "id"),
                           final != message.end() && final->is_boolean() && final->get<bool>());
    askRows();
  } else if (type == "done") {
    askRows();
    Q_EMIT finished(job, objectAt(message, "outputs"));
  } else if (type == "failed") {
    Q_EMIT failed(job, errorFromJson(objectAt(message, "error")));
  } else if (type == "withdrawn") {
    Q_EMIT withdrawn(job);
  }
}

void EngineClient::greet(const Json& message) {
  greeted_ = true;
  failures_ = 0;
  std::vector<KnownJob> jobs;
  const Json listed = objectAt(message, "jobs");
  for (const Json& job : listed) {
    if (!job.is_object()) continue;
    KnownJob known = knownJob(job);
    if (!known.job.isEmpty()) jobs.push_back(std::move(known));
  }
  send({{"type", "operations"}});
  revision_ = 0;
  askRows();
  Q_EMIT greeted(objectAt(message, "devices"), jobs);
}

// A long list comes in parts; the forms are made when it is whole.
void EngineClient::takeOperations(const Json& message) {
  QStringList rejected;
  const auto found = message.find("operations");
  auto part = descriptionsFromJson(found != message.end() ? *found : message, &rejected);
  for (const QString& reason : rejected) Q_EMIT logged({}, QStringLiteral("warning"), reason);
  for (const Json& plugin : objectAt(message, "rejected"))
    Q_EMIT logged({}, QStringLiteral("warning"),
                  tr("plugin %1 is not used: %2").arg(textAt(plugin, "id"), textAt(plugin, "rejected")));
  operations_.insert(operations_.end(), std::make_move_iterator(part.begin()), std::make_move_iterator(part.end()));
  if (more(message)) return;
  const auto all = std::exchange(operations_, {});
  if (!all.empty()) Q_EMIT operationsArrived(all);
}

void EngineClient::takeRows(const Json& message) {
  rowsAsked_ = false;
  std::vector<StudyRow> rows;
  const Json listed = objectAt(message, "rows");
  for (const Json& json : listed) {
    if (auto row = studyRowFromJson(json)) rows.push_back(*std::move(row));
  }
  if (!more(message)) revision_ = std::max(revision_, wholeAt(message, "revision", 0));
  Q_EMIT rowsArrived(rows, !more(message));
}

void EngineClient::askRows() {
  if (!greeted_ || rowsAsked_) return;
  rowsAsked_ = true;
  send({{"type", "rows"}, {"since", revision_}});
}

QString EngineClient::submit(const Order& order) {
  const QString job = jobPrefix() + QString::number(++jobs_);
  Json request{{"operation", order.operation}, {"in", order.inputs}, {"set", order.set}};
  Json message{{"type", "submit"}, {"job", job.toStdString()}, {"keep", order.keep}, {"request", std::move(request)}};
  if (!order.view.isEmpty()) message["view"] = order.view.toStdString();
  if (!order.name.isEmpty()) message["name"] = order.name.toStdString();
  Q_EMIT submitted(job, order);
  if (process_ == nullptr) {
    Q_EMIT failed(
        job, environmentError(
                 "The engine is not running; it is being started again. Run this once more when the banner is gone."));
    return job;
  }
  send(std::move(message));
  return job;
}

void EngineClient::cancel(const QString& job) {
  send({{"type", "cancel"}, {"job", job.toStdString()}});
}
void EngineClient::sendEvent(const QString& job, const Json& event) {
  send({{"type", "event"}, {"job", job.toStdString()}, {"event", event}});
}
void EngineClient::attach(const QString& job, std::int64_t fromStep) {
  send({{"type", "attach"}, {"job", job.toStdString()}, {"from_step", fromStep}});
}
void EngineClient::edit(const Json& change) {
  send({{"type", "edit"}, {"change", change}});
}
void EngineClient::get(const QString& id) {
  send({{"type", "get"}, {"id", id.toStdString()}});
}

}  // namespace moescope
