// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/worker.h"

#include <fmt/format.h>
#include <stdio.h>

#include <cstring>
#include <iostream>
#include <nlohmann/json.hpp>

#include "app/cli/command.h"
#include "core/base/json_reading.h"
#include "core/operation/performance.h"
#include "core/operations.h"

namespace moescope::cli {

namespace {

// What another worker program beside this one prints for --describe.
Expected<Json> askProgram(const std::filesystem::path& program) {
  FILE* pipe = ::popen(fmt::format("'{}' --describe", program.string()).c_str(), "re");
  if (pipe == nullptr) return environmentError("cannot start " + program.string());
  std::string text;
  char buffer[1 << 16];
  for (std::size_t count; (count = ::fread(buffer, 1, sizeof buffer, pipe)) > 0;) text.append(buffer, count);
  if (const int status = ::pclose(pipe); status != 0)
    return environmentError(fmt::format("{} --describe ended with status {}", program.string(), status));
  return parseJson(text, program.string());
}

// The descriptions of this program and of the named ones beside it, as one list: operations.json.
Expected<Json> describeAll(int argc, char** argv) {
  Json list = Json::array();
  for (const Operation& operation : lightOperations()) list.push_back(toJson(describe(operation)));
  for (int at = 0; at < argc; ++at) {
    const std::filesystem::path program = programFolder() / std::filesystem::path(argv[at]).filename();
    if (program.filename() == thisProgram().filename()) continue;
    TRY(others, askProgram(program));
    if (!others.is_array()) return bugError(program.string() + " --describe did not print a list");
    list.insert(list.end(), others.begin(), others.end());
  }
  for (const Json& json : list) {
    auto description = descriptionFromJson(json);
    if (!description) return std::move(description).error();
  }
  return list;
}

}  // namespace

int workerCommand(int argc, char** argv) {
  if (argc < 1 || std::strcmp(argv[0], "--describe") != 0) return runWorker(lightOperations(), argc, argv);
  auto list = describeAll(argc - 1, argv + 1);
  if (!list) {
    std::cerr << "moescope-cli worker: " << list.error().message << "\n";
    return exitCode(list.error().kind);
  }
  std::cout << list->dump(1) << "\n";
  return 0;
}

}  // namespace moescope::cli
