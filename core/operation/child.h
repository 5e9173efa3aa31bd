// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

// A worker's process: one that this program started, or one that it found again by number and start time.
class Child {
 public:
  // Starts `command` in a process group of its own. Standard input is a pipe whose other end is kept here (writeInput,
  // or closed with this object), or nothing; standard output and error go to `output` (empty: nowhere).
  static Expected<Child> start(const std::vector<std::string>& command, bool pipe, const std::filesystem::path& output);
  static Child found(std::int64_t pid, std::int64_t pidStart);
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;
  ~Child();  // leaves the process alone

  std::int64_t pid() const { return pid_; }
  std::int64_t pidStart() const { return pidStart_; }
  bool running();                                        // reaps our own
  std::optional<int> status() const { return status_; }  // as of waitpid, once it ended and was ours
  void signal(int number);                               // to the process alone
  void signalGroup(int number);                          // to it and everything it started
  Expected<void> writeInput(const std::string& bytes);

 private:
  Child() = default;
  pid_t pid_ = 0;
  std::int64_t pidStart_ = 0;
  bool ours_ = false;
  int input_ = -1;
  std::optional<int> status_;
};

// "was killed by signal 9 (Killed)", "ended with code 127".
std::string describeStatus(int status);

}  // namespace moescope
