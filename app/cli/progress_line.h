// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/json.h"

namespace moescope::cli {

// Shows the messages of one job on standard error: on a terminal one line that moves, with the time left; otherwise one
// line per stage. Warnings and notes are lines of their own.
class ProgressLine {
 public:
  explicit ProgressLine(std::string what);
  ~ProgressLine();  // clears what moved
  void show(const Json& message);

 private:
  void say(const std::string& line);
  const std::string what_;
  const bool terminal_;
  std::string stage_;
  bool drawn_ = false;
};

}  // namespace moescope::cli
