// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/study/study.h"

namespace moescope {

// Outputs that a view asked for with keep:false: they lie in S/scratch/<request digest>/PORT/ beside outputs.json, are
// found again by their request, never enter the catalogue, and the least recently used ones go when there is more than
// 1 GB. Their JSON: {PORT:{"id","kind","path","kept":false}}.
Expected<Json> keepPreview(const std::filesystem::path& study, const std::string& requestDigest,
                           const std::vector<Study::Produced>& produced);
std::optional<Json> findPreview(const std::filesystem::path& study, const std::string& requestDigest);
// The file or folder of the preview with that id.
std::optional<std::filesystem::path> findPreviewById(const std::filesystem::path& study, const std::string& id);

}  // namespace moescope
