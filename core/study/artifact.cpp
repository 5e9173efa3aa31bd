// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/artifact.h"

#include <array>

namespace moescope {

namespace {
constexpr std::array<std::string_view, 8> kinds{"model", "corpus", "trace",  "activations",
                                                "run",   "plan",   "result", "sheet"};
constexpr std::array<std::string_view, 3> states{"present", "deleted", "evicted"};
}  // namespace

std::string_view name(Kind kind) {
  return kinds[static_cast<std::size_t>(kind)];
}

std::optional<Kind> kindFromName(std::string_view name) {
  for (std::size_t at = 0; at < kinds.size(); ++at)
    if (kinds[at] == name) return static_cast<Kind>(at);
  return std::nullopt;
}

std::string_view name(ArtifactState state) {
  return states[static_cast<std::size_t>(state)];
}

std::string Artifact::title() const {
  return names.empty() ? id.substr(0, 12) : names.front();
}

}  // namespace moescope
