// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "core/base/job.h"
#include "core/text/corpus.h"
#include "core/text/import_facts.h"

namespace moescope {

// A folder whose subfolders are domains, a document a file, in the order of their names; without subfolders the folder
// itself is the one domain. At most `limit` bytes a domain (0: all). Links are not followed, hidden and binary files
// are left out and counted.
Expected<void> importFolder(const std::filesystem::path& folder, std::uint64_t limit, CorpusWriter& writer,
                            ImportFacts& facts, Job& job);

// JSON lines {"domain","ids"[,"name"]}, a document a line: a file, or the lines themselves (they begin with "{").
Expected<void> importIds(const std::string& fileOrLines, std::uint64_t limit, CorpusWriter& writer, ImportFacts& facts,
                         Job& job);

bool holdsLines(std::string_view ids);

// One document in the domain "text".
Expected<void> importText(std::string_view text, std::uint64_t limit, CorpusWriter& writer, ImportFacts& facts);

}  // namespace moescope
