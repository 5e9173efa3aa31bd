// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/base/expected.h"

namespace moescope {

// Who writes to a study: the file `lock` with the kernel's boot id and the host name, renewed every 30 s by a thread of
// its own while a writer lives (contract section 3). It keeps hosts apart; processes of one host share it, SQLite's
// transactions keep those apart. A lock with our boot id, or one not renewed for 2 minutes, does not count. The last
// writer of a host removes it.
class Lock {
 public:
  // An environment error that names the host when another one holds it.
  static Expected<Lock> take(const std::filesystem::path& study);
  // The same, but an environment error while another process of this host has the study open for writing; and others
  // wait until this one is done.
  static Expected<Lock> takeAlone(const std::filesystem::path& study);
  Lock(Lock&&) noexcept;
  Lock& operator=(Lock&&) noexcept;
  ~Lock();

 private:
  struct State;
  explicit Lock(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// This machine's name, and the id that its kernel drew when it started.
std::string hostName();
std::string bootId();

}  // namespace moescope
