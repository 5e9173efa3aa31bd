// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/expected.h"
#include "core/study/artifact.h"

// Where the content of an artifact lies in a study's folder (contract section 3): results and activations in
// arrays/<id>.h5, plans in plans/<id>.json and .h5, sheets in sheets/<id>.json, everything else in a folder
// <kinds>/<id>/.
namespace moescope::place {

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
// Every file or folder at an artifact's place that is there.
std::vector<std::filesystem::path> presentAt(Kind kind, const std::string& id, const std::filesystem::path& study);
// All of it is there.
bool complete(Kind kind, const std::string& id, const std::filesystem::path& study);

}  // namespace moescope::place
