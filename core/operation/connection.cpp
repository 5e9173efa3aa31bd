// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/connection.h"

#include <fmt/format.h>

#include "core/operation/machine.h"
#include "core/operation/message_fields.h"
#include "core/operation/plugin.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t fullQueue = 4u << 20;  // bytes not yet read by the window: then metrics wait
constexpr auto watchEvery = std::chrono::milliseconds(500);

Expected<Submission> submissionFrom(const Json& message) {
  if (!message.contains("request")) return usageError("submit needs \"request\"");
  TRY(request, requestFromJson(message["request"]));
  Submission submission{.request = std::move(request), .job = textOf(message, "job"), .view = textOf(message, "view")};
  submission.keep = flagOf(message, "keep", true);
  submission.fresh = flagOf(message, "fresh", false);
  submission.name = textOf(message, "name");
  if (message.contains("names") && message["names"].is_object())
    for (const auto& [port, name] : message["names"].items())
      if (name.is_string()) submission.names[port] = name.get<std::string>();
  if (const std::string device = textOf(message, "device"); !device.empty()) submission.resources.device = device;
  if (message.contains("threads") && message["threads"].is_number_unsigned())
    submission.resources.threads = message["threads"].get<int>();
  if (message.contains("memory") && message["memory"].is_number_unsigned())
    submission.resources.memory = message["memory"].get<std::uint64_t>();
  return submission;
}

}  // namespace

bool Connection::handle(const protocol::Incoming& incoming) {
  seq_ = incoming.message.contains("seq") ? incoming.message["seq"] : Json(nullptr);
  const std::string type = textOf(incoming.message, "type");
  Expected<void> handled;
  if (incoming.error)
    handled = *incoming.error;
  else if (type == "shutdown")
    return false;
  else
    handled = dispatch(type, incoming.message);
  if (!handled) {
    Json error{{"type", "error"}, {"error", toJson(handled.error())}};
    if (const std::string job = textOf(incoming.message, "job"); !job.empty()) error["job"] = job;
    answer(std::move(error));
  }
  return !incoming.ends;
}

void Connection::tick() {
  if (!supervisor_) return;
  if (out_.waiting() < fullQueue) supervisor_->tick();
  const auto now = std::chrono::steady_clock::now();
  if (now - watched_ < watchEvery) return;
  watched_ = now;
  const std::int64_t revision = supervisor_->study().revision();
  if (revision == told_) return;
  supervisor_->adopt();
  (void)sendRows(told_, nullptr);
}

Expected<void> Connection::dispatch(const std::string& type, const Json& message) {
  if (type == "hello") return hello(message);
  if (type == "operations") return operations();
  using Handler = Expected<void> (Connection::*)(const Json&);
  static const std::map<std::string, Handler> handlers{
      {"submit", &Connection::submit}, {"event", &Connection::event},     {"cancel", &Connection::cancel},
      {"attach", &Connection::attach}, {"metrics", &Connection::metrics}, {"edit", &Connection::edit},
      {"rows", &Connection::rows},     {"get", &Connection::get}};
  const auto handler = handlers.find(type);
  if (handler == handlers.end())
    return usageError("there is no message \"" + type.substr(0, 80) + "\" in version 1 of this protocol");
  if (!supervisor_) return usageError(type + " needs a study: say hello{study} first");
  return (this->*handler->second)(message);
}

void Connection::answer(Json message) {
  if (!seq_.is_null()) message["seq"] = seq_;
  send(message);
}

void Connection::report(const std::string& line) {
  if (hold_ != nullptr)
    hold_->push_back(line);
  else
    out_.write(line + "\n");
}

Expected<void> Connection::hello(const Json& message) {
  Json hello{{"type", "hello"},
             {"version", protocol::version},
             {"program", MOESCOPE_VERSION},
             {"devices", devicesJson(Machine::look())},
             {"jobs", Json::array()}};
  if (message.contains("study")) {
    TRY(path, requiredText(message, "study"));
    // A study on read-only media can still be looked at.
    auto study = Study::open(path, Study::Access::write);
    if (!study && study.error().kind == ErrorKind::environment) {
      send(Json{{"type", "log"}, {"level", "warning"}, {"text", study.error().message + "; opened for reading only"}});
      study = Study::open(path, Study::Access::read);
    }
    if (!study) return std::move(study).error();
    told_ = study->revision();
    supervisor_ =
        std::make_unique<Supervisor>(*std::move(study), settings_, [this](const std::string& line) { report(line); });
    supervisor_->adopt();
    hello["jobs"] = supervisor_->jobs();
    hello["study"] = fs::absolute(supervisor_->study().folder()).string();
    hello["revision"] = told_;
  }
  answer(std::move(hello));
  return {};
}

Expected<void> Connection::operations() {
  std::vector<Json> list;
  for (const Description& description : settings_.operations) list.push_back(toJson(description));
  const Plugins plugins =
      findPlugins(thisProgram(), supervisor_ ? &supervisor_->study() : nullptr, settings_.operations);
  for (const Plugin& plugin : plugins.usable) list.push_back(toJson(plugin.description));
  Json rejected = Json::array();
  for (const RejectedPlugin& row : plugins.rejected) rejected.push_back(toJson(row));
  answerInParts("operations", "operations", list, Json{{"rejected", rejected}});
  return {};
}

Expected<void> Connection::submit(const Json& message) {
  TRY(submission, submissionFrom(message));
  if (submission.job.empty()) return usageError("submit needs \"job\", a name for it");
  std::vector<std::string> held;
  hold_ = &held;
  auto accepted = supervisor_->submit(submission);
  hold_ = nullptr;
  if (!accepted) {
    for (const std::string& line : held) report(line);
    return std::move(accepted).error();
  }
  Json reply{
      {"type", "accepted"}, {"job", accepted->job}, {"request", accepted->request}, {"cached", accepted->cached}};
  if (!accepted->joined.empty()) reply["joined"] = accepted->joined;
  answer(std::move(reply));
  for (const std::string& line : held) report(line);
  return {};
}

Expected<void> Connection::event(const Json& message) {
  TRY(job, requiredText(message, "job"));
  if (!message.contains("event")) return usageError("event needs \"event\"");
  TRY_DO(supervisor_->event(job, message["event"]));
  answer(Json{{"type", "accepted"}, {"job", job}});
  return {};
}

Expected<void> Connection::cancel(const Json& message) {
  TRY(job, requiredText(message, "job"));
  return supervisor_->cancel(job);
}

Expected<void> Connection::attach(const Json& message) {
  TRY(job, requiredText(message, "job"));
  const Json& from = message.contains("from_step") ? message["from_step"] : Json(0);
  if (!from.is_number_integer()) return usageError("\"from_step\" of attach is a whole number");
  TRY_DO(supervisor_->attach(job, from.get<std::int64_t>()));
  answer(Json{{"type", "accepted"}, {"job", job}});
  return {};
}

Expected<void> Connection::metrics(const Json& message) {
  TRY(job, requiredText(message, "job"));
  const bool sound = message.contains("rate") && message["rate"].is_number() && message["rate"].get<double>() >= 0;
  if (!sound) return usageError("metrics needs \"rate\": messages a second, 0 for none, at most 10");
  return supervisor_->setRate(job, message["rate"].get<double>());
}

}  // namespace moescope
