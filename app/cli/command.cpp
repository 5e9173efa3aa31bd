// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli/command.h"

#include <fmt/format.h>

#include <iostream>

#include "core/operations.h"

namespace moescope::cli {

void wantStudy(CLI::App& word, std::string& study) {
  word.add_option("--study", study, "folder of the study")->required()->type_name("S");
}

void wantJson(CLI::App& word, bool& json) {
  word.add_flag("--json", json, "print one JSON document");
}

std::filesystem::path programFolder() {
  return thisProgram().parent_path();
}

std::vector<Description> operations() {
  return knownOperations(programFolder(), lightOperations());
}

void printJson(const Json& json) {
  std::cout << canonical(json) << std::endl;
}

std::string inBytes(std::uint64_t bytes) {
  constexpr const char* units[] = {"bytes", "kB", "MB", "GB", "TB", "PB"};
  double amount = static_cast<double>(bytes);
  int unit = 0;
  while (amount >= 999.5 && unit < 5) amount /= 1000, ++unit;
  return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.3g} {}", amount, units[unit]);
}

std::string inTime(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<long>(seconds + 0.5);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

}  // namespace moescope::cli
