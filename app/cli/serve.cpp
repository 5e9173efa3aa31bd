// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/serve.h"

#include <unistd.h>

#include "app/cli/command.h"

namespace moescope::cli {

Command serveCommand(CLI::App& program) {
  CLI::App* word =
      program.add_subcommand("serve", "the supervisor on standard input and output: one JSON object a line");
  word->footer(
      "The window starts this; a script can too. Jobs go on when its input ends, and the next serve finds them.\n"
      "Example:\n  printf '{\"type\":\"hello\",\"seq\":1,\"study\":\"S\"}\\n' | moescope-cli serve");
  return {word, []() -> Expected<void> {
            const Supervisor::Settings settings{
                .operations = operations(), .programs = Programs::in(programFolder())};
            serve(settings, STDIN_FILENO, STDOUT_FILENO);
            return {};
          }};
}

}  // namespace moescope::cli
