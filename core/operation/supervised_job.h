// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>

#include "core/operation/child.h"
#include "core/operation/messages.h"
#include "core/operation/metrics_tail.h"
#include "core/operation/work_order.h"

namespace moescope {

// One job as a supervisor follows it: its order, its worker's process, and how far its messages were read.
class SupervisedJob {
 public:
  using Clock = std::chrono::steady_clock;

  SupervisedJob(WorkOrder ordered, std::string view);

  WorkOrder order;
  std::string digest;               // of the request
  std::string view;                 // of the window; "" for none
  std::vector<std::string> joined;  // other job ids that wait for the same request
  std::string state = "queued";     // as in JobRow
  Json progress = Json::object();   // fraction, stage, eta: the last that was heard
  std::optional<Child> child;
  bool counted = false;  // takes one of the places for jobs that run at a time
  bool emitted = false;  // had metrics: its messages are worth keeping

  bool ended() const { return state == "done" || state == "failed" || state == "cancelled"; }
  // {"job","operation","request","state","fraction","stage","eta","title"}: `hello` and `progress` say this.
  Json toJson() const;

  // Messages since the last call, without metrics.
  std::vector<Json> read();

  // Metrics are followed from the beginning of the file by a place of their own, so that any step can be asked for
  // again.
  void followMetrics(std::int64_t fromStep);
  void setRate(double messagesPerSecond) { rate_ = messagesPerSecond; }
  // Lines that are due now; with `all`, everything that is in the file.
  std::vector<std::string> metrics(bool all);

  // Ask, 2 s, TERM, 2 s, KILL: called once and then again with every tick.
  void cancel();
  void escalate();
  // Called with every tick: whoever prints without end is killed before the disk is full.
  void stopFlood();
  bool cancelling() const { return cancelStep_ > 0; }

  std::filesystem::path record() const { return jobRecord(order.study, order.job); }
  // Why the worker is gone when it left no last word.
  Error epitaph() const;

 private:
  MessageReader reader_;
  std::optional<MessageReader> metricsReader_;
  std::int64_t fromStep_ = 0;
  double rate_ = 10;
  MetricsTail tail_;
  Clock::time_point lastMetrics_, cancelled_;
  int cancelStep_ = 0;
  bool flooded_ = false;
};

}  // namespace moescope
