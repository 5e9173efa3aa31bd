// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/study/study.h"

// A study as one file to send or to keep: a tar of its catalogue, its artifacts' files and its plugins, and
// SHA256SUMS (as `sha256sum -c` reads it) at its end. What jobs are writing, scratch and cache stay behind; referenced
// models are named by their rows and never copied.
namespace moescope {

struct Packed {
  std::uint64_t files = 0, bytes = 0;
  std::vector<Artifact> referenced;  // models that lie outside and were not packed
};

// Writes `file`, whole or not at all; others may go on writing to the study. An input error names what `study check`
// finds: a damaged study is repaired before it is packed.
Expected<Packed> packStudy(const std::filesystem::path& study, const std::filesystem::path& file);

// Makes the study `study`, which must not be there or be an empty folder: whole and checked, or not at all. Input
// errors name the file in the archive and its offset.
Expected<Packed> unpackStudy(const std::filesystem::path& file, const std::filesystem::path& study);

}  // namespace moescope
