// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/study/sqlite.h"

// The catalogue of a study: the SQLite file, its schema and its migrations (contract section 3).
namespace moescope::catalogue {

inline constexpr std::int64_t applicationId = 0x4D4F4553;  // 'MOES'

std::filesystem::path fileIn(const std::filesystem::path& study);

// Builds an empty catalogue beside its place and puts it there in one step; a usage error when there is one already.
Expected<void> create(const std::filesystem::path& study);

// Builds an empty catalogue of this schema in a new file, synced.
Expected<void> build(const std::filesystem::path& file);

// An error for an application or schema that is not ours, or for anything that somebody added to the schema.
Expected<void> requireOurs(const sqlite::Connection& connection, const std::filesystem::path& study);

// An input error that says what is wrong with a folder that is missing or no study. Cheap: opens nothing.
Expected<void> requireStudy(const std::filesystem::path& study);
// An environment error on read-only media or without permission.
Expected<void> requireWritable(const std::filesystem::path& study);

// Opens it for writing (with write-ahead log, on network file systems with a rollback journal); an older schema is
// brought up to date after a copy of the file, a newer one is refused with both versions named.
Expected<sqlite::Connection> openForWriting(const std::filesystem::path& study);

// Opens it so that nothing can be written through it; works on read-only media.
Expected<sqlite::Connection> openForReading(const std::filesystem::path& study);

// True where SQLite's write-ahead log cannot work because its shared memory is not shared between hosts.
bool onNetwork(const std::filesystem::path& folder);

}  // namespace moescope::catalogue
