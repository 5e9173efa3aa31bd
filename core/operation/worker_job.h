// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "core/operation/messages.h"
#include "core/operation/metrics_tail.h"
#include "core/operation/work_order.h"
#include "core/study/study.h"

namespace moescope {

// The Job that an operation sees inside a worker: messages go to jobs/<job>/messages, events come from
// jobs/<job>/events, content is written below jobs/<request digest>/.
class WorkerJob : public Job {
 public:
  // `study`, `order`, `description` and `messages` must outlive it. `cancelled` is set by signals and by a closed pipe.
  WorkerJob(const WorkOrder& order, const Description& description, Study& study, MessageWriter& messages,
            const std::atomic<bool>& cancelled);
  ~WorkerJob() override;

  void progress(double fraction, std::string_view stage) override;
  bool cancelled() const override { return cancelled_; }
  void log(std::string_view level, std::string_view text) override;
  void emit(std::int64_t step, std::span<const Metric> metrics) override;
  std::vector<LiveEvent> events(std::int64_t step) override;
  std::filesystem::path place(std::string_view port) override;
  std::filesystem::path state() override;
  std::filesystem::path scratch() override;
  Expected<std::string> commit(std::string_view port, const std::filesystem::path& written,
                               const Json& summary) override;
  const Resources& resources() const override { return order_.resources; }

  // Takes over what a killed job of the same request left; called once, when the request's lock is held.
  void resume();
  // The request with every event that took effect: what the outputs are filed under.
  Request recorded() const;
  // Program version, host, seed, resources, start, duration.
  Json provenance() const;
  double seconds() const;
  void flush();  // sends what throttling held back

 private:
  using Clock = std::chrono::steady_clock;
  struct Planned {
    std::int64_t step;
    Json set;
  };
  std::filesystem::path made(const std::filesystem::path& folder);
  void sendProgress();
  void takeLive(std::int64_t step);

  const WorkOrder& order_;
  const Description& description_;
  Study& study_;
  MessageWriter& messages_;
  const std::atomic<bool>& cancelled_;
  const std::filesystem::path folder_;  // jobs/<request digest>
  const Clock::time_point started_ = Clock::now();
  const std::string startedAt_;

  mutable std::mutex mutex_;  // guards what follows: progress may come from any thread, the ticker flushes
  MetricsTail tail_;
  double fraction_ = 0, firstFraction_ = -1;
  std::string stage_;
  Clock::time_point firstProgress_, lastProgress_, lastMetrics_;
  bool progressWaits_ = false;

  MessageReader live_;
  std::vector<Planned> planned_;  // given with the request, or recorded before a kill; by step
  std::size_t delivered_ = 0;
  Json recordedLive_ = Json::array();
  std::deque<Json> handedOut_;

  std::atomic<bool> ended_ = false;
  std::thread ticker_;  // sends what throttling held back when the operation is silent
};

}  // namespace moescope
