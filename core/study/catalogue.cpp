// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/catalogue.h"

#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>

#include "core/base/commit_point.h"
#include "core/base/file.h"
#include "core/study/study.h"

namespace moescope::catalogue {

namespace fs = std::filesystem;
using sqlite::Connection;
using sqlite::Opening;
using sqlite::Transaction;

namespace {

// Step n brings schema n to n + 1; what was released is never edited, a change is a new step.
constexpr std::array<const char*, studySchema> steps{R"sql(
CREATE TABLE study (
  id TEXT NOT NULL,                  -- drawn when it was made; a copy has the same
  revision INTEGER NOT NULL          -- raised with every change
) STRICT;
INSERT INTO study VALUES (lower(hex(randomblob(16))), 0);

CREATE TABLE artifact (
  id TEXT PRIMARY KEY CHECK (length(id) = 64),
  kind TEXT NOT NULL,
  state TEXT NOT NULL DEFAULT 'present' CHECK (state IN ('present', 'deleted', 'evicted')),
  created TEXT NOT NULL,
  deleted TEXT,                      -- when, for gc
  outside TEXT,                      -- where a referenced model is
  summary TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  revision INTEGER NOT NULL          -- of the catalogue when this row, its names, tags or note last changed
) STRICT;
CREATE INDEX artifact_revision ON artifact (revision);

CREATE TABLE request (
  digest TEXT PRIMARY KEY,
  operation TEXT NOT NULL,
  version INTEGER NOT NULL,
  request TEXT NOT NULL,
  provenance TEXT NOT NULL
) STRICT;

CREATE TABLE input (
  request TEXT NOT NULL REFERENCES request (digest),
  ordinal INTEGER NOT NULL,
  port TEXT NOT NULL,
  artifact TEXT NOT NULL REFERENCES artifact (id),
  PRIMARY KEY (request, ordinal)
) STRICT;

CREATE TABLE output (
  number INTEGER PRIMARY KEY,        -- the lowest one of an artifact is the request that made it
  request TEXT NOT NULL REFERENCES request (digest),
  port TEXT NOT NULL,
  artifact TEXT NOT NULL REFERENCES artifact (id),
  final INTEGER NOT NULL,            -- 0: a snapshot on the way, or replaced by a later run of the same request
  UNIQUE (request, port, artifact)
) STRICT;
CREATE INDEX output_artifact ON output (artifact);

CREATE TABLE job (
  number INTEGER PRIMARY KEY,
  job TEXT NOT NULL UNIQUE,
  request TEXT NOT NULL,
  operation TEXT NOT NULL,
  state TEXT NOT NULL,
  pid INTEGER NOT NULL,
  pid_start INTEGER NOT NULL,
  created TEXT NOT NULL,
  error TEXT NOT NULL
) STRICT;
CREATE INDEX job_request ON job (request);

CREATE TABLE name (
  name TEXT PRIMARY KEY,
  artifact TEXT NOT NULL REFERENCES artifact (id),
  placed INTEGER NOT NULL            -- the revision that put it here: the newest name comes first
) STRICT;
CREATE INDEX name_artifact ON name (artifact);

CREATE TABLE tag (artifact TEXT NOT NULL REFERENCES artifact (id), tag TEXT NOT NULL, PRIMARY KEY (artifact, tag)) STRICT;
CREATE TABLE note (artifact TEXT PRIMARY KEY REFERENCES artifact (id), text TEXT NOT NULL) STRICT;
CREATE TABLE session (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE undo (
  number INTEGER PRIMARY KEY,
  at TEXT NOT NULL,
  words TEXT NOT NULL,
  change TEXT NOT NULL,              -- JSON, see edits.cpp
  state TEXT NOT NULL CHECK (state IN ('done', 'undone', 'superseded'))
) STRICT;
)sql"};

Error notAStudy(const fs::path& study) {
  return inputError(study.string() + " is not a study: it has no study.sqlite; `moescope-cli study init " +
                        study.string() + "` makes one",
                    study.string());
}

Expected<void> migrate(const Connection& connection, std::int64_t from) {
  TRY(transaction, Transaction::begin(connection, Transaction::Mode::immediate));
  // Another process may have been quicker.
  TRY_ASSIGN(from, connection.integer("PRAGMA user_version"));
  for (; from < studySchema; ++from) TRY_DO(connection.runAll(steps[static_cast<std::size_t>(from)]));
  TRY_DO(connection.runAll("PRAGMA application_id = " + std::to_string(applicationId) +
                           "; PRAGMA user_version = " + std::to_string(studySchema)));
  return transaction.commit();
}

// What the file says it is; an error for anything but a catalogue of this schema or an older one.
Expected<std::int64_t> schemaOf(const Connection& connection, const fs::path& study) {
  TRY(application, connection.integer("PRAGMA application_id"));
  TRY(schema, connection.integer("PRAGMA user_version"));
  if (application != applicationId)
    return inputError(study.string() + " is not a study: its study.sqlite is a database of another program",
                      connection.file().string());
  if (schema > studySchema || schema < 0)
    return inputError(study.string() + " has schema " + std::to_string(schema) +
                          ", this program (Moescope " MOESCOPE_VERSION ") reads schemas up to " +
                          std::to_string(studySchema) + "; open it with a newer Moescope",
                      connection.file().string());
  return schema;
}

// Every table and index with the words that made it. Nothing else may be there: what somebody added (a trigger, a view,
// a virtual table) would act on our own statements.
Expected<std::string> schemaText(const Connection& connection) {
  TRY(rows, connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"));
  std::string text;
  for (;;) {
    TRY(more, rows.next());
    if (!more) return text;
    for (int column = 0; column < 4; ++column) text += rows.text(column) + "\n";
  }
}

Expected<void> requireOurSchema(const Connection& connection, const fs::path& study, std::int64_t schema) {
  static const Expected<std::string> current = [&]() -> Expected<std::string> {
    TRY(empty, Connection::open(":memory:", Opening::memory));
    for (const char* step : steps) TRY_DO(empty.runAll(step));
    return schemaText(empty);
  }();
  if (!current) return current.error();
  TRY(text, schemaText(connection));
  if (schema == 0 ? text.empty() : text == *current) return {};
  return inputError(fileIn(study).string() +
                        " holds other tables, triggers or views than a catalogue of this schema has; it was not made "
                        "by Moescope, or is damaged: `moescope-cli study repair " +
                        study.string() + "` takes over the rows of its own tables",
                    fileIn(study).string());
}

bool writable(const fs::path& study) {
  return ::access(study.c_str(), W_OK) == 0 && ::access(fileIn(study).c_str(), W_OK) == 0;
}

// Read-only media: SQLite may not make the shared memory of the write-ahead log there. Without a log the file alone is
// the truth.
Expected<Connection> openOnReadOnlyMedia(const fs::path& study) {
  const fs::path file = fileIn(study);
  std::error_code code;
  const auto logBytes = fs::file_size(file.string() + "-wal", code);
  if (code || logBytes == 0) return Connection::open(file, Opening::immutable);
  TRY(connection, Connection::open(file, Opening::readOnly));
  if (!connection.integer("SELECT count(*) FROM sqlite_schema"))
    return environmentError(study.string() +
                                " is read-only and its last writes are still in study.sqlite-wal; open it once " +
                                "where it can be written, or copy the folder to such a place",
                            file.string());
  return connection;
}

// Whole or not at all: a copy that a kill cut short is no copy.
Expected<void> keepCopy(const Connection& connection, const fs::path& copy) {
  std::error_code code;
  if (fs::exists(copy, code)) return {};
  const fs::path part = copy.string() + ".part" + std::to_string(::getpid());
  fs::remove(part, code);
  TRY_DO(connection.copyTo(part));
  TRY_DO(syncFile(part));
  fs::rename(part, copy, code);
  if (code) return environmentError(systemError("make", copy.string(), code.value()).message, copy.string());
  return syncFolder(copy.parent_path());
}

}  // namespace

fs::path fileIn(const fs::path& study) {
  return study / "study.sqlite";
}

Expected<void> requireStudy(const fs::path& study) {
  std::error_code code;
  if (!fs::exists(study, code))
    return inputError(
        "there is no study at " + study.string() + "; `moescope-cli study init " + study.string() + "` makes one",
        study.string());
  const bool there = fs::is_regular_file(fileIn(study), code);
  if (code == std::errc::permission_denied) return systemError("open", fileIn(study).string(), EACCES);
  if (!there && fs::exists(fileIn(study).string() + ".repaired", code))
    return inputError(study.string() + " has no study.sqlite: a repair of it was stopped; `moescope-cli study repair " +
                          study.string() + "` carries it on",
                      fileIn(study).string());
  if (!there) return notAStudy(study);
  if (fs::file_size(fileIn(study), code) == 0)
    return inputError(fileIn(study).string() + " is empty; take it from a backup, or run `moescope-cli study repair " +
                          study.string() + "`, which finds the artifacts beside it",
                      fileIn(study).string());
  return {};
}

Expected<void> requireWritable(const fs::path& study) {
  if (writable(study)) return {};
  return environmentError(
      study.string() + " cannot be written here (read-only media, or no permission); it can be read", study.string());
}

bool onNetwork(const fs::path& folder) {
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0) return false;
  // linux/magic.h and the file systems' own sources: NFS, SMB, SMB2, CIFS, FUSE (sshfs), AFS, Coda, Ceph, 9P, Lustre,
  // GPFS, BeeGFS, OCFS2.
  constexpr std::array<std::uint32_t, 13> network{0x6969,     0x517B,     0xFE534D42, 0xFF534D42, 0x65735546,
                                                  0x5346414F, 0x73757245, 0x00C36400, 0x01021997, 0x0BD00BD0,
                                                  0x47504653, 0x19830326, 0x7461636F};
  return std::find(network.begin(), network.end(), static_cast<std::uint32_t>(status.f_type)) != network.end();
}

Expected<void> build(const fs::path& file) {
  {
    TRY(connection, Connection::open(file, Opening::create));
    TRY_DO(migrate(connection, 0));
  }
  // The connection is closed, so it is one whole file.
  return syncFile(file);
}

Expected<void> requireOurs(const Connection& connection, const fs::path& study) {
  TRY(schema, schemaOf(connection, study));
  return requireOurSchema(connection, study, schema);
}

Expected<void> create(const fs::path& study) {
  const fs::path file = fileIn(study), draft = file.string() + ".part" + std::to_string(::getpid());
  std::error_code code;
  fs::remove(draft, code);
  auto built = build(draft);
  if (built) pass(CommitPoint::catalogueDrafted);
  // A link, not a rename: of two processes that create the same study, one is told so.
  if (built && ::link(draft.c_str(), file.c_str()) != 0) {
    const int reason = errno;
    if (reason == EEXIST || fs::exists(file, code)) built = usageError(study.string() + " is a study already");
    // File systems without hard links.
    else if (::rename(draft.c_str(), file.c_str()) != 0)
      built = systemError("create", file.string(), errno);
  }
  if (built) pass(CommitPoint::catalogueLinked);
  fs::remove(draft, code);
  if (!built) return built;
  return syncFolder(study);
}

Expected<Connection> openForWriting(const fs::path& study) {
  TRY_DO(requireStudy(study));
  TRY_DO(requireWritable(study));
  TRY(connection, Connection::open(fileIn(study), Opening::readWrite));
  TRY(schema, schemaOf(connection, study));
  TRY_DO(requireOurSchema(connection, study, schema));
  TRY_DO(connection.run(onNetwork(study) ? "PRAGMA journal_mode = DELETE" : "PRAGMA journal_mode = WAL"));
  // FULL: a row that was committed survives a power cut, since the row is the commit point.
  TRY_DO(connection.runAll("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON"));
  if (schema < studySchema) {
    TRY_DO(keepCopy(connection, fileIn(study).string() + ".schema" + std::to_string(schema)));
    pass(CommitPoint::catalogueCopied);
    TRY_DO(migrate(connection, schema));
  }
  return connection;
}

Expected<Connection> openForReading(const fs::path& study) {
  TRY_DO(requireStudy(study));
  TRY(connection, writable(study) ? Connection::open(fileIn(study), Opening::readWrite) : openOnReadOnlyMedia(study));
  TRY(schema, schemaOf(connection, study));
  TRY_DO(requireOurSchema(connection, study, schema));
  if (schema < studySchema)
    return inputError(study.string() + " has schema " + std::to_string(schema) + " and this program writes schema " +
                          std::to_string(studySchema) + "; the next command that writes to it brings it up to date",
                      fileIn(study).string());
  TRY_DO(connection.run("PRAGMA query_only = ON"));
  return connection;
}

}  // namespace moescope::catalogue
