// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/operation/supervisor.h"

namespace moescope::cli {

// Runs one submission to its end, with progress on standard error; Ctrl+C, TERM and HUP cancel it. Gives the message
// `done`.
Expected<Json> runToEnd(Supervisor& supervisor, Submission submission, std::vector<std::string>& inbox);

// A supervisor for the commands `run` and `recipe`: its workers end with this process; what it reports collects in
// `inbox`.
Expected<std::unique_ptr<Supervisor>> superviseStudy(const std::string& study, std::vector<std::string>& inbox);

}  // namespace moescope::cli
