// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/programs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "core/base/json_reading.h"
#include "core/operation/performance.h"

namespace moescope {

namespace fs = std::filesystem;

Programs Programs::in(const fs::path& folder) {
  return {
      {{"light", {(folder / "moescope-cli").string(), "worker"}}, {"torch", {(folder / "moescope-worker").string()}}}};
}

Expected<std::vector<std::string>> Programs::command(const std::string& worker) const {
  auto found = commands.find(worker);
  if (found == commands.end()) found = commands.find("light");
  if (found == commands.end()) return bugError("no program is known for the worker " + worker);
  const std::string& program = found->second.front();
  if (::access(program.c_str(), X_OK) != 0)
    return environmentError(
        fmt::format("the worker {} is not there; build Moescope with LibTorch (packaging/setup gets it) to run this",
                    program),
        program);
  return found->second;
}

fs::path thisProgram() {
  std::error_code code;
  return fs::read_symlink("/proc/self/exe", code);
}

std::vector<Description> knownOperations(const fs::path& folder, std::span<const Operation> own) {
  std::vector<Description> known;
  for (const Operation& operation : own) known.push_back(describe(operation));
  for (const fs::path& file : {folder / "operations.json", folder.parent_path() / "share/moescope/operations.json"}) {
    auto list = readJson(file);
    if (!list || !list->is_array()) continue;
    for (const Json& json : *list) {
      auto description = descriptionFromJson(json, file.string());
      const bool fresh = description && std::none_of(known.begin(), known.end(),
                                                     [&](const auto& one) { return one.id == description->id; });
      if (fresh) known.push_back(*std::move(description));
    }
    break;
  }
  std::sort(known.begin(), known.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
  return known;
}

bool occupiesDevice(const Description& description) {
  return description.worker == "torch" && !description.interactive;
}

}  // namespace moescope
