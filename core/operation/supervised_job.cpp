// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/supervised_job.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/file.h"
#include "core/base/json_reading.h"

namespace moescope {

namespace {

constexpr auto patience = std::chrono::seconds(2);
constexpr std::string_view metricsMark =
    R"(,"type":"metrics",)";  // keys are sorted, so this is never inside another message's head

constexpr std::uintmax_t mostPrinted = 64u << 20;  // bytes

bool hasTexts(const Json& json, std::initializer_list<const char*> keys) {
  return json.is_object() && std::all_of(keys.begin(), keys.end(),
                                         [&](const char* key) { return json.contains(key) && json[key].is_string(); });
}

// What the rest of this program may take at its word. A worker whose memory was damaged can say anything.
bool isSound(const Json& message) {
  if (!hasTexts(message, {"type"})) return false;
  const std::string type = message["type"];
  if (type == "failed") return message.contains("error") && hasTexts(message["error"], {"kind", "message"});
  if (type == "artifact") return hasTexts(message, {"port", "id"});
  if (type == "log") return hasTexts(message, {"level", "text"});
  if (type == "progress") return hasTexts(message, {"stage"}) && message.value("fraction", Json()).is_number();
  if (type != "done") return true;
  if (message.contains("request") && !message["request"].is_string()) return false;
  if (message.contains("cost")) {
    const Json& cost = message["cost"];
    return cost.is_object() && std::all_of(cost.begin(), cost.end(), [](const Json& one) { return one.is_number(); });
  }
  if (!message.contains("outputs") || !message["outputs"].is_object()) return false;
  const Json& outputs = message["outputs"];
  return std::all_of(outputs.begin(), outputs.end(), [](const Json& output) {
    return hasTexts(output, {"id", "kind"});
  });
}

// Of what is no message: the end that it was meant to be, or nothing.
std::optional<Json> madeOf(const Json& message, const std::string& operation) {
  if (!hasTexts(message, {"type"}) || (message["type"] != "done" && message["type"] != "failed")) return std::nullopt;
  const Error error = bugError("the worker of " + operation +
                               " ended with a message that says nothing; nothing of it is taken, run it again");
  return Json{{"type", "failed"}, {"error", toJson(error)}};
}

bool isMetrics(std::string_view line) {
  return line.find(metricsMark) != std::string_view::npos;
}

}  // namespace

SupervisedJob::SupervisedJob(WorkOrder ordered, std::string ofView)
    : order(std::move(ordered)),
      digest(moescope::digest(order.request)),
      view(std::move(ofView)),
      progress{{"fraction", 0}, {"stage", "waiting"}, {"eta", nullptr}},
      reader_(record() / "messages") {}

Json SupervisedJob::toJson() const {
  Json json = progress;
  json["job"] = order.job;
  json["operation"] = order.request.operation;
  json["request"] = digest;
  json["state"] = state;
  json["title"] = order.title;
  json["in"] = order.request.inputs;
  json["set"] = order.request.set;
  json["keep"] = order.keep;
  if (!order.names.empty()) json["names"] = order.names;
  return json;
}

std::vector<Json> SupervisedJob::read() {
  std::vector<Json> messages;
  int blocks = 64;  // the rest with the next tick: other jobs are waiting too
  do {
    for (const std::string& line : reader_.read()) {
      if (isMetrics(line)) {
        emitted = true;
        continue;
      }
      auto message = parseJson(line);
      if (!message) continue;
      if (isSound(*message))
        messages.push_back(*std::move(message));
      else if (auto end = madeOf(*message, order.request.operation))
        messages.push_back(*std::move(end));
    }
  } while (reader_.more() && --blocks > 0);
  return messages;
}

void SupervisedJob::followMetrics(std::int64_t fromStep) {
  metricsReader_.emplace(record() / "messages");
  fromStep_ = fromStep;
  tail_ = MetricsTail();
}

std::vector<std::string> SupervisedJob::metrics(bool all) {
  if (!metricsReader_) return {};
  std::vector<std::string> due;
  const auto now = Clock::now();
  do {
    for (const std::string& line : metricsReader_->read()) {
      if (!isMetrics(line)) continue;
      if (auto message = parseJson(line)) tail_.add(*message, fromStep_);
    }
    const bool time =
        rate_ > 0 && std::chrono::duration<double>(now - lastMetrics_).count() >= 1 / std::min(rate_, 10.0);
    if (tail_.empty() || !(all || time)) continue;
    for (std::string& line : tail_.take(order.job)) due.push_back(std::move(line));
    lastMetrics_ = now;
  } while (all && metricsReader_->more());
  return due;
}

void SupervisedJob::cancel() {
  if (cancelStep_ > 0 || !child) return;
  cancelStep_ = 1;
  cancelled_ = Clock::now();
  child->signal(SIGUSR1);
}

void SupervisedJob::escalate() {
  if (cancelStep_ == 0 || cancelStep_ > 2 || Clock::now() - cancelled_ < patience) return;
  child->signalGroup(cancelStep_ == 1 ? SIGTERM : SIGKILL);
  cancelled_ = Clock::now();
  ++cancelStep_;
}

void SupervisedJob::stopFlood() {
  std::error_code code;
  const auto printed = std::filesystem::file_size(record() / "output", code);
  if (code || printed < mostPrinted || flooded_ || !child) return;
  flooded_ = true;
  child->signalGroup(SIGKILL);
}

Error SupervisedJob::epitaph() const {
  if (flooded_)
    return environmentError(
        "the worker of " + order.request.operation + " printed more than " + std::to_string(mostPrinted >> 20) +
        " MiB and was stopped; what it committed is kept, and so is the beginning of what it said (" +
        (record() / "output").string() + ")");
  if (cancelling()) return cancelledError();
  std::string how = "ended without a word";
  ErrorKind kind = ErrorKind::environment;  // gone when nobody looked: killed, or the machine went down
  if (child && child->status()) {
    const int status = *child->status();
    how = describeStatus(status);
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (killed) how += ", perhaps because memory ran out";
    // A last word that a full disk swallowed is still in the exit code; 127 is a program that could not be started.
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    // One that ended well wrote its last word; where that is not, the disk did not take it.
    kind = killed || code == 127 || code == 0 ? ErrorKind::environment : ErrorKind::bug;
    for (const ErrorKind one : {ErrorKind::usage, ErrorKind::input, ErrorKind::environment, ErrorKind::cancelled})
      if (exitCode(one) == code) kind = one;
    if (code == 0) how = "ended, and what it said last is not on the disk, which may be full or failing";
    if (code == exitCode(ErrorKind::environment)) how += ", perhaps because the disk is full";
  }
  std::string message =
      fmt::format("the worker of {} {}; what it committed is kept, and the same request goes on where it can",
                  order.request.operation, how);
  if (auto printed = readFile(record() / "output", 64u << 20); printed && !printed->empty())
    message += "; it printed: " + printed->substr(printed->size() > 800 ? printed->size() - 800 : 0);
  return {kind, std::move(message)};
}

}  // namespace moescope
