// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/base/expected.h"
#include "core/study/artifact.h"

// Where the content of an artifact lies in a study's folder (contract section 3): results and activations in
// arrays/<id>.h5, plans in plans/<id>.json and .h5, sheets in sheets/<id>.json, everything else in a folder
// <kinds>/<id>/.
namespace moescope::place {

// 64 lower-case hex digits, as every id and request digest is. What a catalogue of somebody else says in their place
// becomes no path.
bool isId(std::string_view text);

// Of a kind kept as files: the extensions, the first one being what Artifact::path names; empty for a folder.
std::vector<std::string> extensionsOf(Kind kind);
// The folder that holds all artifacts of a kind: "arrays", "models", ...
std::string folderOf(Kind kind);
// Artifact::path below the study's folder.
std::filesystem::path pathOf(Kind kind, const std::string& id);

// One step of bringing a job's output in: `from` below jobs/, `to` its place; both absolute.
struct Move {
  std::filesystem::path from, to;
};
// What must be moved for an output that a job wrote to the folder `written`; a bug error when its content is not there.
Expected<std::vector<Move>> movesOf(Kind kind, const std::string& id, const std::filesystem::path& written,
                                    const std::filesystem::path& study);

// The id of what a job wrote to the folder `written`, and of what lies in the study.
Expected<std::string> idOfWritten(Kind kind, const std::filesystem::path& written);
Expected<std::string> idOfPlaced(Kind kind, const std::string& id, const std::filesystem::path& study);
// The kind whose artifacts lie in a study's folder of that name, except that arrays/ holds results and activations.
std::vector<Kind> kindsIn(const std::string& folder);
// The first link at `path` or below it: content is files and folders, a link leads out of the study.
std::optional<std::filesystem::path> linkAt(const std::filesystem::path& path);
// Every file or folder at an artifact's place that is there.
std::vector<std::filesystem::path> presentAt(Kind kind, const std::string& id, const std::filesystem::path& study);
// All of it is there.
bool complete(Kind kind, const std::string& id, const std::filesystem::path& study);

}  // namespace moescope::place
