// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/one_request.h"

#include <signal.h>
#include <time.h>

#include <atomic>

#include "app/cli/command.h"
#include "app/cli/progress_line.h"
#include "core/base/json_reading.h"

namespace moescope::cli {

namespace {

std::atomic<bool> interrupted = false;

void onInterrupt(int) {
  interrupted = true;
}

// Until destruction the three signals set `interrupted` and nothing else.
struct Interrupts {
  struct sigaction old[3];
  static constexpr int numbers[3] = {SIGINT, SIGTERM, SIGHUP};
  Interrupts() {
    struct sigaction action {};
    action.sa_handler = onInterrupt;
    for (int at = 0; at < 3; ++at) ::sigaction(numbers[at], &action, &old[at]);
  }
  Interrupts(const Interrupts&) = delete;
  ~Interrupts() {
    for (int at = 0; at < 3; ++at) ::sigaction(numbers[at], &old[at], nullptr);
  }
};

// Short at first, so that what takes 30 ms is not made to take 60.
void pause(int round) {
  const timespec time{0, (round < 50 ? 2 : 20) * 1000000};
  ::nanosleep(&time, nullptr);
}

}  // namespace

Expected<Json> runToEnd(Supervisor& supervisor, Submission submission, std::vector<std::string>& inbox) {
  const Interrupts interrupts;
  if (interrupted) return cancelledError();
  ProgressLine line(submission.request.operation);
  TRY(accepted, supervisor.submit(submission));
  bool cancelling = false;
  for (int round = 0;; ++round) {
    supervisor.tick();
    for (const std::string& text : std::exchange(inbox, {})) {
      TRY(message, parseJson(text));
      if (message.value("job", "") != accepted.job) continue;
      const std::string type = message.value("type", "");
      if (type == "done") return message;
      if (type == "failed") return errorFromJson(message["error"]);
      line.show(message);
    }
    if (interrupted && !std::exchange(cancelling, true)) TRY_DO(supervisor.cancel(accepted.job));
    pause(round);
  }
}

Expected<std::unique_ptr<Supervisor>> superviseStudy(const std::string& folder, std::vector<std::string>& inbox) {
  TRY(study, Study::open(folder, Study::Access::write));
  Supervisor::Settings settings{
      .operations = operations(), .programs = Programs::in(programFolder()), .attached = true};
  return std::make_unique<Supervisor>(std::move(study), std::move(settings),
                                      [&inbox](const std::string& line) { inbox.push_back(line); });
}

}  // namespace moescope::cli
