// SPDX-License-Identifier: GPL-3.0-or-later
// How a supervisor follows jobs to their end: its own, and those that other processes started.
#include <unistd.h>

#include <algorithm>

#include "core/base/json_reading.h"
#include "core/base/process.h"
#include "core/operation/file_lock.h"
#include "core/operation/supervisor.h"

namespace moescope {

namespace fs = std::filesystem;

// --- Following -------------------------------------------------------------------------------------------------------

void Supervisor::tick() {
  for (std::size_t at = 0; at < jobs_.size(); ++at) {
    SupervisedJob& job = *jobs_[at];
    if (job.state == "running") follow(job);
    for (const std::string& line : job.metrics(false)) {
      send_(line);
      for (const std::string& id : job.joined) {
        Json copy = Json::parse(line);
        copy["job"] = id;
        send_(canonical(copy));
      }
    }
  }
  startWaiting();
  keepSpare();
}

void Supervisor::follow(SupervisedJob& job) {
  job.escalate();
  job.stopFlood();
  const bool alive = job.child && job.child->running();  // before reading: whoever ended has written everything
  bool moved = false;
  for (Json& message : job.read()) {
    const std::string type = message.value("type", "");
    if (type == "progress") {
      for (const char* key : {"fraction", "stage", "eta"})
        if (message.contains(key)) job.progress[key] = message[key];
      moved = true;  // of a job that was found again there may be hours of these; the last one is enough
    } else if (type == "done" || type == "failed") {
      return finish(job, std::move(message));
    } else {
      announce(job, std::move(message));
    }
  }
  if (moved) {
    Json full = job.toJson();
    full["type"] = "progress";
    announce(job, std::move(full));
  }
  if (alive) return;
  if (auto word = lastWordOfRow(job)) return finish(job, *std::move(word));
  const Error error = job.epitaph();
  job.state = error.kind == ErrorKind::cancelled ? "cancelled" : "failed";
  fail(job, error);
}

// What the catalogue says of a job that ended: a worker writes its row before its last message, and whoever started it
// may have cleared the job's folder before we looked.
std::optional<Json> Supervisor::lastWordOfRow(const SupervisedJob& job) {
  const auto rows = study_.jobs();
  if (!rows) return std::nullopt;
  const auto row =
      std::find_if(rows->begin(), rows->end(), [&](const JobRow& one) { return one.job == job.order.job; });
  if (row == rows->end()) return std::nullopt;
  if (row->state == "done") {
    auto done = present(job.order, row->request);
    if (!done || !*done) return std::nullopt;
    for (Json& output : (**done)["outputs"]) output["cached"] = false;
    return **done;
  }
  const auto error = parseJson(row->error);
  if (row->state == "running" || row->state == "queued" || !error || !error->is_object()) return std::nullopt;
  return Json{{"type", "failed"}, {"job", job.order.job}, {"error", *error}};
}

// The worker's last message: everything that came before it goes first.
void Supervisor::finish(SupervisedJob& job, Json message) {
  for (const std::string& line : job.metrics(true)) announce(job, Json::parse(line));
  const bool done = message["type"] == "done";
  const bool cancelled = !done && message.contains("error") && message["error"].value("kind", "") == "cancelled";
  job.state = done ? "done" : cancelled ? "cancelled" : "failed";
  // Names of those who joined later were not in the worker's order.
  if (done && message.contains("outputs"))
    for (auto& [port, output] : message["outputs"].items())
      if (const auto name = job.order.names.find(port);
          name != job.order.names.end() && job.order.keep && output.value("name", "") != name->second)
        if (study_.setName(output.value("id", ""), name->second)) output["name"] = name->second;
  announce(job, std::move(message));
  std::error_code code;
  if (settings_.attached || !job.emitted) fs::remove_all(job.record(), code);
}

void Supervisor::fail(SupervisedJob& job, const Error& error) {
  putRow(job, &error);
  announce(job, Json{{"type", "failed"}, {"job", job.order.job}, {"error", toJson(error)}});
}

void Supervisor::announce(const SupervisedJob& job, Json message) {
  message["job"] = job.order.job;
  send_(canonical(message));
  for (const std::string& id : job.joined) {
    message["job"] = id;
    send_(canonical(message));
  }
}

void Supervisor::putRow(const SupervisedJob& job, const Error* error) {
  if (job.order.estimateOnly) return;
  JobRow row{.job = job.order.job,
             .request = job.digest,
             .operation = job.order.request.operation,
             .state = job.state,
             .pid = ::getpid(),
             .pidStart = processStart(::getpid()).value_or(0)};
  if (error != nullptr) row.error = canonical(toJson(*error));
  if (auto put = study_.putJob(row); !put)
    announce(job, Json{{"type", "log"}, {"level", "warning"}, {"text", put.error().message}});
}

// --- Jobs of others --------------------------------------------------------------------------------------------------

void Supervisor::adopt() {
  auto rows = study_.jobs();
  if (!rows) return;
  for (const JobRow& row : *rows)
    if ((row.state == "running" || row.state == "queued") && find(row.job) == nullptr) adoptRow(row);
}

void Supervisor::adoptRow(const JobRow& row) {
  if (!checkJobId(row.job)) return;  // a study of somebody else: its words become no path
  const bool ownerLives = processStart(row.pid) == row.pidStart && row.pidStart != 0;
  if (row.state == "queued" && ownerLives) return;  // its supervisor will start it
  auto json = readJson(jobRecord(fs::absolute(study_.folder()), row.job) / "order.json");
  if (!json) {
    // Nothing is left to go on with: the row is closed, so that it is not looked at again.
    JobRow closed = row;
    closed.state = "failed";
    closed.error = canonical(toJson(environmentError("the job's folder is gone")));
    if (row.state == "queued" || (row.state == "running" && !ownerLives)) (void)study_.putJob(closed);
    return;
  }
  auto order = workOrderFromJson(*json);
  if (!order) return;
  order->study = fs::absolute(study_.folder());  // the study may have been moved since
  auto job = std::make_unique<SupervisedJob>(*std::move(order), "");
  if (row.state == "queued") {
    // Nobody else may start it too; and in a study that came from elsewhere no plugin runs that was not asked for here.
    auto claim = FileLock::tryTake(job->record() / ".claim");
    if (!claim || !*claim) return;
    if (!settings_.programs.commands.contains(job->order.worker)) return;
    auto rows = study_.jobs();
    const auto waits = [&](const JobRow& now) {
      return now.job == row.job && now.state == "queued" && now.pid == row.pid;
    };
    if (!rows || std::none_of(rows->begin(), rows->end(), waits)) return;
    putRow(*job);
  } else {
    job->state = "running";
    job->child = Child::found(row.pid, row.pidStart);
  }
  jobs_.push_back(std::move(job));
}

bool Supervisor::busy() const {
  return std::any_of(jobs_.begin(), jobs_.end(), [](const auto& job) { return !job->ended(); });
}

Json Supervisor::jobs() const {
  Json list = Json::array();
  for (const auto& job : jobs_) list.push_back(job->toJson());
  return list;
}

}  // namespace moescope
