// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/worker_job.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

#include "core/base/file.h"
#include "core/base/json_reading.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {

constexpr auto throttle = std::chrono::milliseconds(100);
constexpr const char* recordedEvents = ".events";

std::string hostName() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

std::string utcNow() {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
}

bool isCommand(const std::string& key) {
  return key == "pause" || key == "resume" || key == "snapshot";
}

}  // namespace

WorkerJob::WorkerJob(const WorkOrder& order, const Description& description, Study& study, MessageWriter& messages,
                     const std::atomic<bool>& cancelled)
    : order_(order),
      description_(description),
      study_(study),
      messages_(messages),
      cancelled_(cancelled),
      folder_(study.jobFolder(digest(order.request))),
      startedAt_(utcNow()),
      live_(jobRecord(order.study, order.job) / "events") {
  for (const Json& event : order.request.events) planned_.push_back({event["step"].get<std::int64_t>(), event["set"]});
  ticker_ = std::thread([this] {
    while (!ended_) {
      std::this_thread::sleep_for(throttle / 2);
      const std::lock_guard lock(mutex_);
      if (progressWaits_ && Clock::now() - lastProgress_ >= throttle) sendProgress();
      if (!tail_.empty() && Clock::now() - lastMetrics_ >= throttle) {
        for (const std::string& line : tail_.take(order_.job)) messages_.write(std::string_view(line));
        lastMetrics_ = Clock::now();
      }
    }
  });
}

void WorkerJob::resume() {
  // What took effect before a kill takes effect again, and stays recorded.
  for (const std::string& line : MessageReader(folder_ / recordedEvents).read(64u << 20)) {
    auto event = parseJson(line);
    if (!event || !event->is_object() || !event->contains("step") || !event->contains("set")) continue;
    planned_.push_back({(*event)["step"].get<std::int64_t>(), (*event)["set"]});
    recordedLive_.push_back(*event);
  }
  std::stable_sort(planned_.begin(), planned_.end(),
                   [](const Planned& a, const Planned& b) { return a.step < b.step; });
}

WorkerJob::~WorkerJob() {
  ended_ = true;
  ticker_.join();
  flush();
}

void WorkerJob::flush() {
  const std::lock_guard lock(mutex_);
  if (progressWaits_) sendProgress();
  for (const std::string& line : tail_.take(order_.job)) messages_.write(std::string_view(line));
}

void WorkerJob::progress(double fraction, std::string_view stage) {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  fraction_ = std::clamp(fraction == fraction ? fraction : 0.0, 0.0, 1.0);
  if (firstFraction_ < 0) {
    firstFraction_ = fraction_;
    firstProgress_ = now;
  }
  const bool newStage = stage_ != stage;
  stage_ = stage;
  progressWaits_ = true;
  if (newStage || now - lastProgress_ >= throttle) sendProgress();
}

void WorkerJob::sendProgress() {
  const auto now = Clock::now();
  Json message{{"type", "progress"}, {"job", order_.job}, {"fraction", fraction_}, {"stage", stage_}, {"eta", nullptr}};
  // Time left by the rate since the first word, which after a resume does not begin at 0.
  const double elapsed = std::chrono::duration<double>(now - firstProgress_).count();
  if (elapsed > 0.5 && fraction_ > firstFraction_)
    message["eta"] = elapsed * (1 - fraction_) / (fraction_ - firstFraction_);
  messages_.write(message);
  lastProgress_ = now;
  progressWaits_ = false;
}

void WorkerJob::log(std::string_view level, std::string_view text) {
  messages_.write(Json{{"type", "log"}, {"job", order_.job}, {"level", level}, {"text", text}});
}

void WorkerJob::emit(std::int64_t step, std::span<const Metric> metrics) {
  const std::lock_guard lock(mutex_);
  tail_.add(step, metrics);
  const auto now = Clock::now();
  if (now - lastMetrics_ < throttle && tail_.size() < 100000) return;
  for (const std::string& line : tail_.take(order_.job)) messages_.write(std::string_view(line));
  lastMetrics_ = now;
}

std::vector<LiveEvent> WorkerJob::events(std::int64_t step) {
  handedOut_.clear();
  std::vector<LiveEvent> events;
  const auto hand = [&](std::int64_t at, Json set) {
    handedOut_.push_back(std::move(set));
    events.push_back({at, &handedOut_.back()});
  };
  for (; delivered_ < planned_.size() && planned_[delivered_].step <= step; ++delivered_)
    hand(planned_[delivered_].step, planned_[delivered_].set);
  for (const std::string& line : live_.read()) {
    auto event = parseJson(line);
    if (!event || !event->is_object()) continue;
    Json set = event->contains("set") && (*event)["set"].is_object() ? (*event)["set"] : *event;
    Json recorded = Json::object();
    for (const auto& [key, value] : set.items())
      if (!isCommand(key)) recorded[key] = value;
    if (!recorded.empty()) {
      const Json entry{{"step", step}, {"set", recorded}};
      recordedLive_.push_back(entry);
      if (auto file = MessageWriter::open(made(folder_) / recordedEvents)) file->write(entry);
    }
    hand(step, std::move(set));
  }
  return events;
}

fs::path WorkerJob::made(const fs::path& folder) {
  std::error_code code;  // a full disk shows at the first write, with the name of the file
  fs::create_directories(folder, code);
  return folder;
}
fs::path WorkerJob::place(std::string_view port) {
  return made(folder_ / port);
}
fs::path WorkerJob::state() {
  return made(folder_ / ".state");
}
fs::path WorkerJob::scratch() {
  return made(folder_ / ".scratch");
}

Expected<std::string> WorkerJob::commit(std::string_view port, const fs::path& written, const Json& summary) {
  const auto declared = std::find_if(description_.out.begin(), description_.out.end(),
                                     [&](const Port& candidate) { return candidate.name == port; });
  if (declared == description_.out.end()) return bugError(fmt::format("{} has no output {}", description_.id, port));
  const RequestRow row{digest(order_.request), description_.id, description_.version, canonical(toJson(order_.request)),
                       canonical(provenance())};
  TRY(id,
      study_.commitSnapshot(
          row, {.port = std::string(port), .kind = declared->kind, .written = written, .summary = canonical(summary)}));
  messages_.write(Json{{"type", "artifact"}, {"job", order_.job}, {"port", port}, {"id", id}, {"final", false}});
  return id;
}

Request WorkerJob::recorded() const {
  Request request = order_.request;
  for (const Json& event : recordedLive_) request.events.push_back(event);
  return request;
}

double WorkerJob::seconds() const {
  return std::chrono::duration<double>(Clock::now() - started_).count();
}

Json WorkerJob::provenance() const {
  Json json{{"program", MOESCOPE_VERSION}, {"host", hostName()},   {"resources", toJson(order_.resources)},
            {"started", startedAt_},       {"seconds", seconds()}, {"job", order_.job}};
  const Json& set = order_.request.set;
  for (const Parameter& parameter : description_.parameters)
    if (parameter.name == "seed") json["seed"] = set.contains("seed") ? set["seed"] : parameter.initial;
  return json;
}

}  // namespace moescope
