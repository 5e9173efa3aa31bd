// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/operation/supervisor.h"

namespace moescope {

// The supervisor on two pipes (contract section 6 and core/operation/protocol.h): reads requests from `input`, answers
// and reports on `output`, until the input ends, "shutdown" comes or the reader is gone. Running jobs go on. Gives the
// exit code.
int serve(const Supervisor::Settings& settings, int input, int output);

}  // namespace moescope
