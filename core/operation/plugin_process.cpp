// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/plugin_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace moescope {

namespace {
constexpr std::size_t longestLine = 64u << 10, keptErrors = 4u << 10, mostShown = 1u << 20;  // bytes

struct Pipe {
  int read = -1, write = -1;
  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read = ends[0];
    write = ends[1];
    return true;
  }
  void close() {
    if (read >= 0) ::close(read);
    if (write >= 0) ::close(write);
  }
};

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> list;
  for (const std::string& word : words) list.push_back(const_cast<char*>(word.c_str()));
  list.push_back(nullptr);
  return list;
}

// Between fork and exec: only calls that are safe in a process whose other threads are gone.
[[noreturn]] void become(char* const* command, char* const* environment, const char* folder, int output, int error,
                         int report, std::uint64_t memory, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  const rlimit space{memory, memory}, noCore{0, 0};
  ::setrlimit(RLIMIT_AS, &space);
  ::setrlimit(RLIMIT_CORE, &noCore);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGHUP, SIGPIPE, SIGTERM, SIGUSR1}) ::signal(number, SIG_DFL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (::chdir(folder) == 0 && ::dup2(nothing, 0) >= 0 && ::dup2(output, 1) >= 0 && ::dup2(error, 2) >= 0)
    ::execvpe(command[0], command, environment);
  const int code = errno;
  [[maybe_unused]] const ssize_t written = ::write(report, &code, sizeof code);
  ::_exit(127);
}
}  // namespace

Expected<PluginProcess> PluginProcess::start(const std::vector<std::string>& command,
                                             const std::filesystem::path& workingFolder,
                                             const std::vector<std::string>& environment, std::uint64_t memory) {
  Pipe output, error, report;
  if (!output.open() || !error.open() || !report.open()) {
    const int code = errno;
    for (Pipe* pipe : {&output, &error, &report}) pipe->close();
    return environmentError(systemError("make a pipe for", command.front(), code).message, command.front());
  }
  const auto words = pointers(command), variables = pointers(environment);
  const pid_t parent = ::getpid(), child = ::fork();
  if (child == 0)
    become(words.data(), variables.data(), workingFolder.c_str(), output.write, error.write, report.write, memory,
           parent);
  const int forkCode = errno;
  for (int* end : {&output.write, &error.write, &report.write}) ::close(std::exchange(*end, -1));
  int code = 0;
  ssize_t count = 0;
  if (child > 0) {
    ::setpgid(child, child);
    while ((count = ::read(report.read, &code, sizeof code)) < 0 && errno == EINTR) {
    }
  }
  ::close(std::exchange(report.read, -1));
  if (child < 0 || count > 0) {
    output.close();
    error.close();
    if (child > 0) ::waitpid(child, nullptr, 0);
    return environmentError(systemError("start", command.front(), child < 0 ? forkCode : code).message,
                            command.front());
  }
  PluginProcess process;
  process.pid_ = child;
  process.output_ = output.read;
  process.error_ = error.read;
  for (const int descriptor : {process.output_, process.error_}) ::fcntl(descriptor, F_SETFL, O_NONBLOCK);
  return process;
}

PluginProcess::PluginProcess(PluginProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      output_(std::exchange(other.output_, -1)),
      error_(std::exchange(other.error_, -1)),
      pending_(std::move(other.pending_)),
      errors_(std::move(other.errors_)),
      status_(other.status_) {}

PluginProcess::~PluginProcess() {
  if (pid_ > 0 && !status_) {
    ::kill(-pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  for (const int descriptor : {output_, error_})
    if (descriptor >= 0) ::close(descriptor);
}

// Reads what is there; closes the descriptor at its end.
bool PluginProcess::take(int& descriptor, bool isOutput) {
  std::array<char, 16384> bytes;
  const ssize_t count = ::read(descriptor, bytes.data(), bytes.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return true;
  if (count <= 0) {
    ::close(std::exchange(descriptor, -1));
    return false;
  }
  const std::string_view taken(bytes.data(), static_cast<std::size_t>(count));
  if (isOutput) {
    pending_ += taken;
  } else {
    errors_ += taken;
    if (errors_.size() > keptErrors) errors_.erase(0, errors_.size() - keptErrors);
    // Also into the job's own output, which is no place for a flood.
    if ((shown_ += taken.size()) > mostShown) return true;
    [[maybe_unused]] const ssize_t shown = ::write(2, taken.data(), taken.size());
  }
  return true;
}

bool PluginProcess::wait(int milliseconds) {
  std::array<pollfd, 2> pipes{{{output_, POLLIN, 0}, {error_, POLLIN, 0}}};
  if (output_ < 0 && error_ < 0) return false;
  if (::poll(pipes.data(), pipes.size(), milliseconds) <= 0) return true;
  if (output_ >= 0 && pipes[0].revents != 0) take(output_, true);
  if (error_ >= 0 && pipes[1].revents != 0) take(error_, false);
  return output_ >= 0 || error_ >= 0;
}

std::vector<std::string> PluginProcess::lines() {
  std::vector<std::string> lines;
  std::size_t begin = 0;
  for (std::size_t end; (end = pending_.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(pending_.substr(begin, end - begin));
  pending_.erase(0, begin);
  if (pending_.size() > longestLine || (output_ < 0 && !pending_.empty()))
    lines.push_back(std::exchange(pending_, {}).substr(0, longestLine));
  return lines;
}

void PluginProcess::signalGroup(int number) {
  if (pid_ > 0 && !status_) ::kill(-pid_, number);
}

std::optional<int> PluginProcess::status() {
  if (status_ || pid_ <= 0) return status_;
  // Not reaped before its group was killed: until then nobody else can have its number.
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != pid_)
    return std::nullopt;
  ::kill(-pid_, SIGKILL);
  int status = 0;
  if (::waitpid(pid_, &status, 0) == pid_) status_ = status;
  return status_;
}

}  // namespace moescope
