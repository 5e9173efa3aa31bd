// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/study/study.h"

// Outputs that a view asked for with keep:false: they lie in S/scratch/<request digest>/PORT/ beside outputs.json and
// request.json, are found again by their request or id, are inputs like any other, and enter the catalogue only when
// something that is kept uses them. The least recently used ones go when there is more than 1 GB.
namespace moescope {

using InputRows = std::vector<std::pair<std::string, std::string>>;  // port and id, in order

// Gives {PORT:{"id","kind","path","summary","kept":false}}.
Expected<Json> keepPreview(const Study& study, const RequestRow& request, const InputRows& inputs,
                           const std::vector<Study::Produced>& produced);
std::optional<Json> findPreview(const Study& study, const std::string& requestDigest);
// As an artifact that is in no catalogue: no names.
std::optional<Artifact> findPreviewById(const Study& study, const std::string& id);
// Brings the preview with that id, and those it was made from, into the catalogue. Nothing to do when it is there
// already.
Expected<void> filePreview(Study& study, const std::string& id);

}  // namespace moescope
