// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <span>

#include "core/operation/operation.h"

namespace moescope {

// The whole program of a worker: one request, in a process of its own. `argv` starts behind the program's name (or
// behind the word `worker` of moescope-cli). Gives the exit code of contract section 1. The supervisor starts it as one
// of
//   --request FILE   runs the order in FILE (core/operation/work_order.h)
//   --spare          waits for one order as a line on standard input, so that the program is already up when it comes
//   --attached       with either: standard input is a pipe of the one who waits; when it closes the worker ends within
//   2 s
//   --describe       prints a JSON list of the descriptions of `operations`
// Signals: INT is ignored; USR1 asks the operation to stop; TERM asks too, and ends the process at once when it was
// asked before.
int runWorker(std::span<const Operation> operations, int argc, char** argv);

}  // namespace moescope
