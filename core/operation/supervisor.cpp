// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/supervisor.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

#include "core/base/file.h"
#include "core/base/json_reading.h"
#include "core/base/process.h"
#include "core/operation/file_lock.h"
#include "core/operation/plugin.h"
#include "core/operation/preview.h"

namespace moescope {

namespace fs = std::filesystem;

Supervisor::Supervisor(Study study, Settings settings, Send send)
    : study_(std::move(study)), settings_(std::move(settings)), send_(std::move(send)) {}
Supervisor::~Supervisor() = default;

namespace {

std::string inventJobId(const std::string& digest) {
  static int count = 0;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto ticks = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
  return fmt::format("{}-{:x}-{:x}-{}", digest.substr(0, 8), ticks, ::getpid(), ++count);
}

Expected<std::map<std::string, std::string>> namesByPort(const Submission& submission, const Description& description) {
  std::map<std::string, std::string> names;
  std::vector<std::string> ports;
  for (const Port& port : description.out) ports.push_back(port.name);
  if (!submission.name.empty()) {
    if (ports.empty()) return usageError(description.id + " has no output to name");
    for (const std::string& port : ports)
      names[port] = port == ports.front() ? submission.name : submission.name + "." + port;
  }
  for (const auto& [port, name] : submission.names) {
    if (std::find(ports.begin(), ports.end(), port) == ports.end())
      return usageError(fmt::format("{} has no output {}; it has {}", description.id, port, fmt::join(ports, ", ")));
    names[port] = name;
  }
  for (const auto& [port, name] : names) TRY_DO(Study::checkName(name));
  return names;
}

}  // namespace

// --- Submitting ------------------------------------------------------------------------------------------------------

// What is asked for, and for a plugin the digest of what it is at this moment.
Expected<std::pair<Description, std::string>> Supervisor::describe(const std::string& operation) const {
  for (const Description& description : settings_.operations)
    if (description.id == operation) return std::pair(description, std::string());
  TRY(plugin, findPlugin(operation, thisProgram(), &study_, settings_.operations));
  return std::pair(plugin.description, plugin.digest);
}

Expected<WorkOrder> Supervisor::order(const Submission& submission) {
  TRY(asked, describe(submission.request.operation));
  const auto& [description, plugin] = asked;
  Request written = submission.request;
  written.plugin = plugin;
  TRY(request, resolveRequest(written, description, study_));
  TRY(names, namesByPort(submission, description));
  WorkOrder order{.job = submission.job.empty() ? inventJobId(digest(request)) : submission.job,
                  .study = fs::absolute(study_.folder()),
                  .request = std::move(request),
                  .worker = description.worker,
                  .title = description.title,
                  .resources = submission.resources,
                  .names = std::move(names),
                  .fresh = submission.fresh,
                  .keep = submission.keep,
                  .estimateOnly = submission.estimateOnly,
                  .exclusive = occupiesDevice(description) && !submission.estimateOnly};
  TRY_DO(checkJobId(order.job));
  if (find(order.job) != nullptr) return usageError("there is a job " + order.job + " already");
  return order;
}

Expected<Supervisor::Accepted> Supervisor::submit(const Submission& submission) {
  TRY(order, this->order(submission));
  Accepted accepted{order.job, digest(order.request)};
  withdraw(submission.view);
  if (!order.fresh && !order.estimateOnly) {
    TRY(done, present(order, accepted.request));
    if (done) {
      accepted.cached = true;
      send_(canonical(*done));
      return accepted;
    }
    if (join(order, accepted.request, accepted)) return accepted;
  }
  TRY(command, settings_.programs.command(order.worker));
  auto job = std::make_unique<SupervisedJob>(std::move(order), submission.view);
  TRY_DO(makeFolders(job->record()));
  TRY_DO(writeFileSafely(job->record() / "order.json", canonical(toJson(job->order))));
  job->followMetrics(0);
  putRow(*job);
  jobs_.push_back(std::move(job));
  startWaiting();
  return accepted;
}

// The message `done` of a request whose outputs are all there; names are given to them as they would be to new ones.
Expected<std::optional<Json>> Supervisor::present(const WorkOrder& order, const std::string& digest) {
  Json outputs = Json::object();
  TRY(ids, study_.outputsOf(digest));
  if (ids) {
    for (const auto& [port, id] : *ids) {
      if (const auto name = order.names.find(port); name != order.names.end()) TRY_DO(study_.setName(id, name->second));
      TRY(artifact, study_.get(id));
      outputs[port] = {{"id", id},
                       {"name", artifact.names.empty() ? "" : artifact.names.front()},
                       {"kind", name(artifact.kind)},
                       {"cached", true}};
    }
  } else {
    auto preview = order.keep ? std::nullopt : findPreview(study_.folder(), digest);
    if (!preview) return std::optional<Json>{};
    outputs = *std::move(preview);
    for (Json& output : outputs) output["cached"] = true;
  }
  return std::optional<Json>{
      Json{{"type", "done"}, {"job", order.job}, {"outputs", outputs}, {"seconds", 0}, {"request", digest}}};
}

bool Supervisor::join(const WorkOrder& order, const std::string& digest, Accepted& accepted) {
  if (auto row = study_.runningJob(digest); row && *row && find((*row)->job) == nullptr) adoptRow(**row);
  for (const auto& job : jobs_) {
    if (job->ended() || job->cancelling() || job->digest != digest || job->order.keep != order.keep ||
        job->order.estimateOnly)
      continue;
    job->joined.push_back(order.job);
    job->order.names.insert(order.names.begin(), order.names.end());
    accepted.joined = job->order.job;
    return true;
  }
  return false;
}

void Supervisor::withdraw(const std::string& view) {
  if (view.empty()) return;
  for (const auto& job : jobs_) {
    if (job->ended() || job->view != view) continue;
    job->view.clear();
    send_(canonical(Json{{"type", "withdrawn"}, {"job", job->order.job}}));
    (void)cancel(job->order.job);
  }
}

Expected<void> Supervisor::cancel(const std::string& id) {
  // One who joined leaves; the job itself goes on for the others.
  for (const auto& job : jobs_) {
    const auto found = std::find(job->joined.begin(), job->joined.end(), id);
    if (found == job->joined.end()) continue;
    job->joined.erase(found);
    send_(canonical(Json{{"type", "failed"}, {"job", id}, {"error", toJson(cancelledError())}}));
    return {};
  }
  TRY(job, require(id));
  if (job->ended()) return {};
  if (job->state == "queued") {
    job->state = "cancelled";
    fail(*job, cancelledError());
  } else {
    job->cancel();
  }
  return {};
}

Expected<void> Supervisor::event(const std::string& id, const Json& event) {
  TRY(job, require(id));
  if (job->ended()) return usageError("job " + id + " has ended");
  if (!event.is_object()) return usageError(R"(an event is an object such as {"set":{"learning_rate":0.001}})");
  const Json set = event.contains("set") ? event["set"] : event;
  if (!set.is_object()) return usageError("an event's \"set\" is an object of parameter names and values");
  TRY(described, describe(job->order.request.operation));
  const Description& description = described.first;
  Json merged = job->order.request.set;
  Json commands = Json::object();
  for (const auto& [name, value] : set.items())
    (name == "pause" || name == "resume" || name == "snapshot" ? commands : merged)[name] = value;
  TRY(parameters, checkParameters(description.parameters, merged));
  Json checked = commands;
  for (const auto& [name, value] : set.items())
    if (!commands.contains(name)) checked[name] = parameters.value(name);
  TRY(file, MessageWriter::open(job->record() / "events"));
  file.write(Json{{"set", checked}});
  return {};
}

Expected<void> Supervisor::attach(const std::string& id, std::int64_t fromStep) {
  if (find(id) == nullptr) {
    TRY(rows, study_.jobs());
    for (const JobRow& row : rows)
      if (row.job == id) adoptRow(row);
  }
  TRY(job, require(id));
  job->followMetrics(fromStep);
  return {};
}

Expected<void> Supervisor::setRate(const std::string& id, double messagesPerSecond) {
  TRY(job, require(id));
  job->setRate(messagesPerSecond);
  return {};
}

SupervisedJob* Supervisor::find(const std::string& id) {
  for (const auto& job : jobs_) {
    if (job->order.job == id) return job.get();
    if (std::find(job->joined.begin(), job->joined.end(), id) != job->joined.end()) return job.get();
  }
  return nullptr;
}

Expected<SupervisedJob*> Supervisor::require(const std::string& id) {
  if (SupervisedJob* job = find(id)) return job;
  return usageError("there is no job " + id);
}

// --- Starting --------------------------------------------------------------------------------------------------------

bool Supervisor::mayStart(const SupervisedJob& job) const {
  const std::size_t places = std::max(2u, std::thread::hardware_concurrency());
  std::size_t others = 0;
  for (const auto& other : jobs_) {
    if (other->state != "running") continue;
    if (job.order.exclusive && other->order.exclusive &&
        deviceOf(other->order.resources) == deviceOf(job.order.resources))
      return false;
    if (!other->order.exclusive && other->counted) ++others;
  }
  return job.order.exclusive || others < places;
}

void Supervisor::startWaiting() {
  for (const auto& job : jobs_) {
    if (job->state != "queued" || !mayStart(*job)) continue;
    if (auto started = start(*job); !started) {
      job->state = "failed";
      fail(*job, started.error());
    }
  }
}

Expected<void> Supervisor::start(SupervisedJob& job) {
  TRY(command, settings_.programs.command(job.order.worker));
  const bool warm = job.order.worker == "torch" && !job.order.exclusive && !settings_.attached;
  job.state = "running";
  job.counted = true;
  if (warm) wantsSpare_ = true;
  if (warm && spare_ && spare_->running()) {
    TRY_DO(spare_->writeInput(canonical(toJson(job.order)) + "\n"));
    job.child = std::exchange(spare_, std::nullopt);
    return {};
  }
  command.insert(command.end(), {"--request", (job.record() / "order.json").string()});
  if (settings_.attached) command.push_back("--attached");
  TRY_ASSIGN(job.child, Child::start(command, settings_.attached, job.record() / "output"));
  return {};
}

void Supervisor::keepSpare() {
  if (!wantsSpare_ || (spare_ && spare_->running())) return;
  wantsSpare_ = false;  // asked for again by the next interactive request
  auto command = settings_.programs.command("torch");
  if (!command) return;
  command->push_back("--spare");
  if (auto child = Child::start(*command, true, {})) spare_ = *std::move(child);
}

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
  const Error error = job.epitaph();
  job.state = error.kind == ErrorKind::cancelled ? "cancelled" : "failed";
  fail(job, error);
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
