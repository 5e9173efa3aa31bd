// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "core/base/expected.h"

namespace moescope {

// Rows that were read from a damaged catalogue, by table.
struct Salvage {
  std::map<std::string, std::uint64_t> rows;
  bool whole = true;  // false when part of a table could not be read
};

// Copies every row that can still be read from the catalogue `damaged` (and the write-ahead log beside it) to the
// catalogue `fresh`, which is empty and of this schema. Reads a copy, so that `damaged` stays as it is; a damaged first
// page is taken from `fresh`, since catalogues of one schema have their tables at the same places.
Expected<Salvage> salvageRows(const std::filesystem::path& damaged, const std::filesystem::path& fresh);

}  // namespace moescope
