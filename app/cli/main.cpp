// SPDX-License-Identifier: GPL-3.0-or-later
// moescope-cli: everything Moescope does, from a command line (contract section 1).
#include <signal.h>

#include <cstring>
#include <iostream>
#include <system_error>
#include <nlohmann/json.hpp>
#include <vector>

#include "app/cli/command.h"
#include "core/base/out_of_memory.h"

namespace moescope::cli {
namespace {

constexpr const char* introduction =
    "Moescope: a workbench for Mixture-of-Experts models.\n\n"
    "Everything you have is an artifact of a study (model, corpus, trace, run, result); everything you do is an "
    "operation on\n"
    "artifacts, and the same request is never computed twice. A first look at a router:\n\n"
    "  moescope-cli study init S\n"
    "  moescope-cli run corpus.import --study S --set path=DIR --name text\n"
    "  moescope-cli run train.lm --study S --in corpus=text --set steps=300 --name toy\n"
    "  moescope-cli run capture.routing --study S --in model=toy --in corpus=text --name t\n"
    "  moescope-cli run load.balance --study S --in trace=t --name lb\n"
    "  moescope-cli export --study S lb:utilisation --format csv --out load.csv\n\n"
    "Exit codes: 0 done, 2 wrong use or parameter, 3 bad input, 4 environment, 5 cancelled, 70 our bug.";

int fail(const Error& error, bool json) {
  if (json) printJson(Json{{"error", toJson(error)}});
  std::cerr << "moescope-cli: " << error.message << "\n";
  return exitCode(error.kind);
}

bool asksForJson(int argc, char** argv) {
  for (int at = 1; at < argc; ++at)
    if (std::strcmp(argv[at], "--json") == 0) return true;
  return false;
}

int runProgram(int argc, char** argv) {
  CLI::App program{introduction, "moescope-cli"};
  program.require_subcommand(1);
  program.set_version_flag("--version", MOESCOPE_VERSION);
  std::vector<Command> commands = studyCommands(program);
  for (auto* command : {operationsCommand, runCommand, recipeCommand, listCommand, showCommand, logCommand, rmCommand,
                        exportCommand, selftestCommand, serveCommand})
    commands.push_back(command(program));
  // Listed in --help; it never gets here.
  program.add_subcommand("worker", "run one request for a supervisor (started by it, not by hand)");

  const bool json = asksForJson(argc, argv);
  try {
    program.parse(argc, argv);
  } catch (const CLI::Success& success) {
    return program.exit(success);
  } catch (const CLI::ParseError& error) {
    return fail(usageError(std::string(error.what()) + "; --help after any command explains it"), json);
  }
  for (const Command& command : commands) {
    if (!command.word->parsed()) continue;
    const Expected<void> done = command.run();
    return done ? 0 : fail(done.error(), json);
  }
  return fail(usageError("give a command; --help lists them"), json);
}

}  // namespace
}  // namespace moescope::cli

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  moescope::endWhereMemoryRunsOut(moescope::cli::asksForJson(argc, argv));
  if (argc > 1 && std::strcmp(argv[1], "worker") == 0) return moescope::cli::workerCommand(argc - 2, argv + 2);
  try {
    return moescope::cli::runProgram(argc, argv);
  } catch (const std::bad_alloc&) {
    return moescope::sayMemoryRanOut();
  } catch (const std::system_error& error) {  // a thread or a folder that the system refused
    return moescope::cli::fail(moescope::environmentError(std::string("the system refused: ") + error.what()),
                               moescope::cli::asksForJson(argc, argv));
  } catch (const std::exception& error) {
    return moescope::cli::fail(moescope::bugError(std::string("a bug of ours: ") + error.what()),
                               moescope::cli::asksForJson(argc, argv));
  }
}
