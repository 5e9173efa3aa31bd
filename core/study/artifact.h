// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moescope {

// What a user has (design section 1).
enum class Kind { model, corpus, trace, activations, run, plan, result, sheet };
std::string_view name(Kind kind);
std::optional<Kind> kindFromName(std::string_view name);

enum class ArtifactState { present, deleted, evicted };
std::string_view name(ArtifactState state);

// One row of the catalogue.
struct Artifact {
  std::string id;                  // 64 hex digits
  Kind kind = Kind::result;
  ArtifactState state = ArtifactState::present;
  std::vector<std::string> names;  // newest first; may be empty
  std::string created;             // UTC, "2026-11-24T21:54:41Z"
  std::filesystem::path path;      // the file (result, plan) or the folder; outside the study for a referenced model
  std::string summary;             // canonical JSON for lists and trees: {"tokens":..,"documents":..,"experts":..,"title":..}
  std::string request;             // digest of the request that made it
  std::string operation;           // its operation id
  std::string port;
  std::uint64_t bytes = 0;
  std::string title() const;       // newest name, else the first 12 digits of the id
};

}  // namespace moescope
