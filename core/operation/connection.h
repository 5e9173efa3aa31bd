// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <memory>

#include "core/operation/line_writer.h"
#include "core/operation/protocol.h"
#include "core/operation/supervisor.h"

namespace moescope {

// One window that speaks to `serve`: the study it opened, the supervisor of its jobs, and what it was told so far. One
// thread.
class Connection {
 public:
  // Both outlive it.
  Connection(const Supervisor::Settings& settings, LineWriter& out) : settings_(settings), out_(out) {}

  // Answers one message; false when the connection ends.
  bool handle(const protocol::Incoming& incoming);
  // Moves jobs on and tells what other processes did.
  void tick();
  bool busy() const { return supervisor_ && supervisor_->busy(); }

 private:
  Expected<void> dispatch(const std::string& type, const Json& message);
  Expected<void> hello(const Json& message);
  Expected<void> operations();

  // Jobs
  Expected<void> submit(const Json& message);
  Expected<void> event(const Json& message);
  Expected<void> cancel(const Json& message);
  Expected<void> attach(const Json& message);
  Expected<void> metrics(const Json& message);

  // The study (connection_study.cpp)
  Expected<void> edit(const Json& message);
  Expected<void> rows(const Json& message);
  Expected<void> get(const Json& message);
  Expected<void> sendRows(std::int64_t since, const Json& seq);
  Expected<void> sendFile(const std::string& id, const std::filesystem::path& path, const std::filesystem::path& shown,
                          bool moreFiles);

  void answer(Json message);  // repeats the number of the request
  void send(const Json& message) { out_.write(canonical(message) + "\n"); }
  // {type, member:[...], "more":bool, ...rest} as often as it takes to keep every line short.
  void answerInParts(const char* type, const char* member, const std::vector<Json>& list, const Json& rest);
  // What the supervisor says of jobs; held back while submit() runs, so that `accepted` is the first word about a job.
  void report(const std::string& line);

  const Supervisor::Settings& settings_;
  LineWriter& out_;
  std::unique_ptr<Supervisor> supervisor_;
  Json seq_;
  std::vector<std::string>* hold_ = nullptr;
  std::int64_t told_ = 0;  // the catalogue's revision that the window knows
  std::chrono::steady_clock::time_point watched_;
};

}  // namespace moescope
