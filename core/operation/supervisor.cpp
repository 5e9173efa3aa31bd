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

Expected<Request> Supervisor::resolve(const Request& asked) const {
  TRY(known, describe(asked.operation));
  Request written = asked;
  written.plugin = known.second;
  return resolveRequest(written, known.first, study_);
}

Expected<WorkOrder> Supervisor::order(const Submission& submission) {
  TRY(known, describe(submission.request.operation));
  const Description& description = known.first;
  TRY(request, resolve(submission.request));
  // What a kept request is made from is kept.
  if (submission.keep && !submission.estimateOnly)
    for (const auto& [port, ids] : request.inputs)
      for (const std::string& id : ids) TRY_DO(filePreview(study_, id));
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
                  .exclusive = occupiesDevice(description) && submission.keep && !submission.estimateOnly};
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
    auto preview = order.keep ? std::nullopt : findPreview(study_, digest);
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
  TRY(known, describe(job->order.request.operation));
  const Description& description = known.first;
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

}  // namespace moescope
