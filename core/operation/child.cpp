// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/base/process.h"

extern char** environ;

namespace moescope {

namespace {

// posix_spawn's attributes and file actions, released whatever happens.
struct Plan {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  Plan() {
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
  }
  Plan(const Plan&) = delete;
  ~Plan() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
};

void ownGroupAndFreshSignals(Plan& plan) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  sigdelset(&all, SIGKILL);
  sigdelset(&all, SIGSTOP);
  posix_spawnattr_setsigmask(&plan.attributes, &none);
  posix_spawnattr_setsigdefault(&plan.attributes, &all);
  posix_spawnattr_setpgroup(&plan.attributes, 0);
  posix_spawnattr_setflags(&plan.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

// Our own environment, but threads of LibTorch that wait for each other sleep: beside other jobs, spinning costs a
// training more than ten times its own time, and alone it gains little. OpenMP reads this once, when the program is
// loaded.
std::vector<char*> environmentOfWorkers() {
  static char sleeping[] = "OMP_WAIT_POLICY=passive";
  std::vector<char*> variables;
  bool chosen = false;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    chosen = chosen || strncmp(*variable, sleeping, strlen("OMP_WAIT_POLICY=")) == 0;
    variables.push_back(*variable);
  }
  if (!chosen) variables.push_back(sleeping);
  variables.push_back(nullptr);
  return variables;
}

}  // namespace

Expected<Child> Child::start(const std::vector<std::string>& command, bool pipe, const std::filesystem::path& output) {
  Plan plan;
  ownGroupAndFreshSignals(plan);
  int ends[2] = {-1, -1};
  if (pipe && ::pipe2(ends, O_CLOEXEC) != 0)
    return environmentError(fmt::format("cannot make a pipe: {}", strerror(errno)));
  if (pipe)
    posix_spawn_file_actions_adddup2(&plan.files, ends[0], 0);
  else
    posix_spawn_file_actions_addopen(&plan.files, 0, "/dev/null", O_RDONLY, 0);
  const std::string to = output.empty() ? "/dev/null" : output.string();
  posix_spawn_file_actions_addopen(&plan.files, 1, to.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  posix_spawn_file_actions_adddup2(&plan.files, 1, 2);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  Child child;
  const int code = ::posix_spawn(&child.pid_, arguments[0], &plan.files, &plan.attributes, arguments.data(),
                                 environmentOfWorkers().data());
  if (pipe) ::close(ends[0]);
  child.input_ = ends[1];
  if (code != 0)
    return environmentError(
        fmt::format("cannot start the worker {}: {}; build or install it", command[0], strerror(code)), command[0]);
  child.ours_ = true;
  child.pidStart_ = processStart(child.pid_).value_or(0);
  return child;
}

Child Child::found(std::int64_t pid, std::int64_t pidStart) {
  Child child;
  child.pid_ = static_cast<pid_t>(pid);
  child.pidStart_ = pidStart;
  return child;
}

Child::Child(Child&& other) noexcept {
  *this = std::move(other);
}
Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidStart_, other.pidStart_);
  std::swap(ours_, other.ours_);
  std::swap(input_, other.input_);
  std::swap(status_, other.status_);
  return *this;
}
Child::~Child() {
  if (input_ >= 0) ::close(input_);
}

bool Child::running() {
  if (pid_ <= 0 || status_) return false;
  if (ours_) {
    int status = 0;
    const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == 0) return true;
    status_ = ended == pid_ ? status : 0;
    return false;
  }
  return processStart(pid_) == pidStart_;
}

void Child::signal(int number) {
  if (running()) ::kill(pid_, number);
}
void Child::signalGroup(int number) {
  if (running()) ::kill(-pid_, number);
}

Expected<void> Child::writeInput(const std::string& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::write(input_, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return environmentError(fmt::format("a worker does not take its request: {}", strerror(errno)));
    done += static_cast<std::size_t>(count);
  }
  return {};
}

std::string describeStatus(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return fmt::format("ended with code {}", WEXITSTATUS(status));
}

}  // namespace moescope
