// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

// A plugin's executable as a process group of its own, with its standard output and error on pipes. It may not have
// more memory than `memory` bytes of address space, and it dies with the one who started it.
class PluginProcess {
 public:
  static Expected<PluginProcess> start(const std::vector<std::string>& command,
                                       const std::filesystem::path& workingFolder,
                                       const std::vector<std::string>& environment, std::uint64_t memory);
  PluginProcess(PluginProcess&& other) noexcept;
  PluginProcess& operator=(PluginProcess&&) = delete;
  ~PluginProcess();  // kills what is left of the group

  // Waits up to `milliseconds` for output, which is added to `output()` lines and `errors()`. False once both pipes are
  // closed.
  bool wait(int milliseconds);
  // Whole lines of standard output since the last call; a line longer than 64 KiB is cut.
  std::vector<std::string> lines();
  const std::string& errors() const { return errors_; }  // the last 4 KiB of standard error

  void signalGroup(int number);
  // waitpid's status once it ended; a group that outlives its leader is killed then.
  std::optional<int> status();

 private:
  PluginProcess() = default;
  bool take(int& descriptor, bool isOutput);
  pid_t pid_ = 0;
  int output_ = -1, error_ = -1;
  std::string pending_, errors_;
  std::size_t shown_ = 0;
  std::optional<int> status_;
};

}  // namespace moescope
