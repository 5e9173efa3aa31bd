// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "core/operation/operation.h"

namespace moescope {

// Which program runs an operation, by the `worker` of its description.
struct Programs {
  std::map<std::string, std::vector<std::string>> commands;  // "light", "torch" -> program and first arguments

  // The programs of one build or installation: moescope-cli and, with LibTorch, moescope-worker, in `folder`.
  static Programs in(const std::filesystem::path& folder);
  // A plugin's folder is run by the light worker. Environment error when the program is not there.
  Expected<std::vector<std::string>> command(const std::string& worker) const;
};

// The file that this process runs.
std::filesystem::path thisProgram();

// `own`, and what operations.json beside the program (or in ../share/moescope) knows of the other workers.
std::vector<Description> knownOperations(const std::filesystem::path& folder, std::span<const Operation> own);

// Trainings, captures and the like: one at a time per device.
bool occupiesDevice(const Description& description);

}  // namespace moescope
