// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <memory>

#include "core/operation/programs.h"
#include "core/operation/supervised_job.h"
#include "core/study/study.h"

namespace moescope {

// What one asks a supervisor to run.
struct Submission {
  Request request;                                // names and values as they were written
  std::string job = {};                           // "" = one is made up
  std::string view = {};                          // the latest submission of a view withdraws the one before
  std::string name = {};                          // of the first output; the others get NAME.PORT
  std::map<std::string, std::string> names = {};  // by output port, instead
  Resources resources = {};
  bool keep = true, fresh = false, estimateOnly = false;
};

// Gives each request a worker process of its own and follows it: queue, devices, cache, joining, cancel, messages.
// Knows neither LibTorch nor Qt. One thread; tick() does the work and never waits.
class Supervisor {
 public:
  struct Settings {
    std::vector<Description> operations;
    Programs programs;
    bool attached = false;  // workers end with this process (`run`); otherwise they go on without it (`serve`)
  };
  // Messages of contract section 6 about jobs, each a line of JSON without its newline.
  using Send = std::function<void(const std::string& line)>;

  Supervisor(Study study, Settings settings, Send send);
  ~Supervisor();

  // What is asked for as it would run now: names as ids, values checked, plugins by their content.
  Expected<Request> resolve(const Request& asked) const;
  struct Accepted {
    std::string job, request;  // request digest
    bool cached = false;       // its outputs are present: `done` was sent already
    std::string joined = {};   // the job that runs the same request already
  };
  Expected<Accepted> submit(const Submission& submission);
  Expected<void> cancel(const std::string& job);
  // {"set":{NAME:VALUE}}, {"snapshot":true}, {"pause":true}, {"resume":true}
  Expected<void> event(const std::string& job, const Json& event);
  Expected<void> attach(const std::string& job, std::int64_t fromStep);
  Expected<void> setRate(const std::string& job, double messagesPerSecond);

  void tick();
  void adopt();       // jobs of the catalogue that this supervisor does not follow yet
  bool busy() const;  // something submitted here has not ended
  Json jobs() const;  // of all that are followed
  Study& study() { return study_; }
  const Settings& settings() const { return settings_; }

 private:
  using Clock = SupervisedJob::Clock;
  SupervisedJob* find(const std::string& job);
  Expected<SupervisedJob*> require(const std::string& job);
  Expected<std::pair<Description, std::string>> describe(const std::string& operation) const;
  Expected<WorkOrder> order(const Submission& submission);
  Expected<std::optional<Json>> present(const WorkOrder& order, const std::string& digest);
  bool join(const WorkOrder& order, const std::string& digest, Accepted& accepted);
  void withdraw(const std::string& view);
  void follow(SupervisedJob& job);
  std::optional<Json> lastWordOfRow(const SupervisedJob& job);
  void finish(SupervisedJob& job, Json message);
  void fail(SupervisedJob& job, const Error& error);
  void putRow(const SupervisedJob& job, const Error* error = nullptr);
  void startWaiting();
  Expected<void> start(SupervisedJob& job);
  bool mayStart(const SupervisedJob& job) const;
  void keepSpare();
  void announce(const SupervisedJob& job, Json message);
  void adoptRow(const JobRow& row);

  Study study_;
  Settings settings_;
  Send send_;
  std::vector<std::unique_ptr<SupervisedJob>> jobs_;  // in the order of submission
  std::optional<Child> spare_;                        // a warm worker for interactive requests that need LibTorch
  bool wantsSpare_ = false;
};

}  // namespace moescope
