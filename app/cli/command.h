// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "core/base/expected.h"
#include "core/operation/programs.h"
#include "core/study/study.h"

namespace moescope::cli {

// One word behind `moescope-cli`: its file declares options on the program and gives what runs when it was chosen.
struct Command {
  CLI::App* word;
  std::function<Expected<void>()> run;
};

Command operationsCommand(CLI::App& program);
Command runCommand(CLI::App& program);
Command recipeCommand(CLI::App& program);
Command listCommand(CLI::App& program);
Command showCommand(CLI::App& program);
Command logCommand(CLI::App& program);
Command rmCommand(CLI::App& program);
Command exportCommand(CLI::App& program);
Command selftestCommand(CLI::App& program);
Command serveCommand(CLI::App& program);
std::vector<Command> studyCommands(CLI::App& program);
int workerCommand(int argc, char** argv);  // before any parsing: its options are a worker's

// --study S, wanted by nearly every command; used exactly as typed.
void wantStudy(CLI::App& word, std::string& study);
// --json; what is printed then is one JSON document.
void wantJson(CLI::App& word, bool& json);

// The folder of this program, and the operations that it and its neighbours have.
std::filesystem::path programFolder();
std::vector<Description> operations();

void printJson(const Json& json);
std::string inBytes(std::uint64_t bytes);  // "12.3 MB"
std::string inTime(double seconds);        // "1 h 02 min", "3 min 05 s", "4.2 s"

}  // namespace moescope::cli
