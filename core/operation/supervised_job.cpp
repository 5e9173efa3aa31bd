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
  do {
    for (const std::string& line : reader_.read()) {
      if (isMetrics(line)) {
        emitted = true;
        continue;
      }
      auto message = parseJson(line);
      if (message && message->is_object()) messages.push_back(*std::move(message));
    }
  } while (reader_.more());
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

Error SupervisedJob::epitaph() const {
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
