// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/job.h"

namespace moescope {

// What an import found and left out; it ends in the corpus's facts, and its warnings in the job's log.
struct ImportFacts {
  std::string source;                            // "folder", "ids", "text"
  std::map<std::string, std::uint64_t> skipped;  // by reason: "binary", "empty", "hidden", "links inside", ...
  std::map<std::string, std::uint64_t> encodings;
  std::vector<std::string> converted;  // the first documents that were not UTF-8: "french/ls.1 (ISO-8859-1)"
  std::vector<std::string> cut;        // domains that reached the limit
  std::uint64_t compressed = 0;        // documents that were gzip
  std::uint64_t replaced = 0;          // characters that became U+FFFD

  void countConverted(const std::string& document, const std::string& encoding);
  std::string skippedInWords() const;  // "3 binary, 1 empty"; "nothing"
  std::vector<std::string> warnings() const;
};

Json toJson(const ImportFacts& facts);

}  // namespace moescope
