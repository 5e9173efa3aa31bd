// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <iostream>
#include <thread>

#include "core/base/json_reading.h"
#include "core/base/out_of_memory.h"
#include "core/base/process.h"
#include "core/operation/performance.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {

// Set by signals and by the pipe's watcher; a process runs one request, so there is one.
std::atomic<bool> stopAsked = false;

void onSignal(int number) {
  if (number == SIGTERM && stopAsked.exchange(true)) ::_exit(exitCode(ErrorKind::cancelled));
  stopAsked = true;
}

void takeSignals() {
  struct sigaction action {};
  action.sa_handler = onSignal;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGUSR1, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGINT, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error of the write, not the end of the process
}

// Whoever waits for this worker holds the other end of standard input. When it closes, the operation has 1.5 s to stop.
void watchPipe() {
  std::thread([] {
    char byte;
    while (true) {
      const ssize_t count = ::read(0, &byte, 1);
      if (count > 0 || (count < 0 && errno == EINTR)) continue;
      break;
    }
    stopAsked = true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    if (::getpgrp() == ::getpid()) ::kill(0, SIGKILL);
    ::_exit(exitCode(ErrorKind::cancelled));
  }).detach();
}

// Standard output belongs to whoever started us, and libraries print: all of it goes to the job's folder.
void redirectOutput(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor < 0) return;
  ::dup2(descriptor, 1);
  ::dup2(descriptor, 2);
  ::close(descriptor);
}

JobRow rowOf(const WorkOrder& order) {
  return {.job = order.job,
          .request = digest(order.request),
          .operation = order.request.operation,
          .state = "running",
          .pid = ::getpid(),
          .pidStart = processStart(::getpid()).value_or(0)};
}

int runOrder(std::span<const Operation> operations, const WorkOrder& order) {
  const fs::path record = jobRecord(order.study, order.job);
  redirectOutput(record / "output");
  auto messages = MessageWriter::open(record / "messages");
  if (!messages) return exitCode(messages.error().kind);
  JobRow row = rowOf(order);
  auto study = Study::open(order.study, order.estimateOnly ? Study::Access::read : Study::Access::write);
  const Expected<Json> outcome = [&]() -> Expected<Json> {
    if (!study) return study.error();
    if (!order.estimateOnly) TRY_DO(study->putJob(row));
    return perform(operations, order, *study, *messages, stopAsked);
  }();
  Json last;
  if (outcome) {
    row.state = "done";
    last = *outcome;
    last["type"] = "done";
    // Changes that came while it ran made another request of it: that one has the outputs.
    if (last.contains("request")) row.request = last["request"].get<std::string>();
  } else {
    row.state = outcome.error().kind == ErrorKind::cancelled ? "cancelled" : "failed";
    row.error = canonical(toJson(outcome.error()));
    last = {{"type", "failed"}, {"error", toJson(outcome.error())}};
  }
  last["job"] = order.job;
  if (study && !order.estimateOnly) (void)study->putJob(row);
  messages->write(last);
  return outcome ? 0 : exitCode(outcome.error().kind);
}

int refuse(const Error& error) {
  std::cerr << error.message << "\n";
  return exitCode(error.kind);
}

}  // namespace

int runWorker(std::span<const Operation> operations, int argc, char** argv) {
  std::string file;
  bool spare = false, attached = false;
  for (int at = 0; at < argc; ++at) {
    const std::string_view word = argv[at];
    if (word == "--describe") {
      Json list = Json::array();
      for (const Operation& operation : operations) list.push_back(toJson(describe(operation)));
      std::cout << canonical(list) << "\n";
      return 0;
    }
    if (word == "--spare")
      spare = true;
    else if (word == "--attached")
      attached = true;
    else if (word == "--request" && at + 1 < argc)
      file = argv[++at];
    else
      return refuse(usageError(fmt::format("a worker does not know {}; it is started by moescope-cli", word)));
  }
  takeSignals();
  endWhereMemoryRunsOut(false);
  if (spare) {
    std::string line;
    if (!std::getline(std::cin, line)) return 0;  // whoever kept us ready went away
    auto json = parseJson(line);
    if (!json) return refuse(json.error());
    auto order = workOrderFromJson(*json);
    if (!order) return refuse(order.error());
    if (attached) watchPipe();
    return runOrder(operations, *order);
  }
  if (file.empty()) return refuse(usageError("a worker needs --request FILE, --spare or --describe"));
  auto json = readJson(file);
  if (!json) return refuse(json.error());
  auto order = workOrderFromJson(*json);
  if (!order) return refuse(order.error());
  if (attached) watchPipe();
  return runOrder(operations, *order);
}

}  // namespace moescope
