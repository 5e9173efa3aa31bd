// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/progress_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <nlohmann/json.hpp>

#include "app/cli/command.h"

namespace moescope::cli {

ProgressLine::ProgressLine(std::string what) : what_(std::move(what)), terminal_(::isatty(2) == 1) {}

ProgressLine::~ProgressLine() {
  if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
}

void ProgressLine::say(const std::string& line) {
  if (std::exchange(drawn_, false)) std::cerr << "\r\x1b[K";
  std::cerr << line << "\n";
}

void ProgressLine::show(const Json& message) {
  const std::string type = message.value("type", "");
  if (type == "log" && message.value("level", "") == "sample") return;  // for the window, which shows its routing
  if (type == "log") return say(fmt::format("{}: {}", message.value("level", "info"), message.value("text", "")));
  if (type == "artifact" && !message.value("final", true))
    return say(fmt::format("{}: kept a snapshot {}", what_, message.value("id", "").substr(0, 12)));
  if (type != "progress") return;
  const std::string stage = message.value("stage", "");
  if (!terminal_) {
    if (stage != stage_) say(fmt::format("{}: {}", what_, stage));
    stage_ = stage;
    return;
  }
  std::string line = fmt::format("{}  {}  {:.0f} %", what_, stage, 100 * message.value("fraction", 0.0));
  if (message.contains("eta") && message["eta"].is_number())
    line += fmt::format("  {} left", inTime(message["eta"].get<double>()));
  std::cerr << "\r\x1b[K" << line << std::flush;
  drawn_ = true;
}

}  // namespace moescope::cli
