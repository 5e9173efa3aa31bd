// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/salvage.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <limits>

#include "core/base/file.h"
#include "core/study/catalogue.h"

namespace moescope {

namespace fs = std::filesystem;
using sqlite::Connection;
using sqlite::Opening;

namespace {

struct Table {
  std::string_view name, columns, wanted;  // `wanted` keeps out rows that a flipped byte made into something else
};
// Rowids are kept: lists are in their order.
constexpr std::array<Table, 10> tables{{
    {"artifact", "rowid, id, kind, state, created, deleted, outside, summary, bytes, revision",
     "id NOT GLOB '*[^0-9a-f]*' AND kind IN ('model', 'corpus', 'trace', 'activations', 'run', 'plan', 'result', "
     "'sheet')"},
    {"request", "rowid, digest, operation, version, request, provenance", "length(digest) = 64"},
    {"input", "rowid, request, ordinal, port, artifact", "length(request) = 64"},
    {"output", "number, request, port, artifact, final", "length(request) = 64"},
    {"job", "number, job, request, operation, state, pid, pid_start, created, error", "length(job) > 0"},
    {"name", "rowid, name, artifact, placed", "length(name) BETWEEN 1 AND 64"},
    {"tag", "rowid, artifact, tag", "length(tag) BETWEEN 1 AND 64"},
    {"note", "rowid, artifact, text", "length(artifact) = 64"},
    {"session", "rowid, key, value", "length(key) > 0"},
    {"undo", "number, at, words, change, state", "json_valid(change)"},
}};

// The damaged file and its log, copied; the copy goes when this ends.
class Copy {
 public:
  explicit Copy(fs::path file) : file_(std::move(file)) { remove(); }
  Copy(const Copy&) = delete;
  Copy& operator=(const Copy&) = delete;
  ~Copy() { remove(); }
  Expected<void> make(const fs::path& from) const {
    std::error_code code;
    for (const char* part : {"", "-wal"}) {
      if (!fs::exists(from.string() + part, code)) continue;
      fs::copy_file(from.string() + part, file_.string() + part, code);
      if (code)
        return environmentError(systemError("copy", from.string() + part, code.value()).message, file_.string());
    }
    return {};
  }
  const fs::path& file() const { return file_; }

 private:
  void remove() const {
    std::error_code code;
    for (const char* part : {"", "-wal", "-shm", "-journal"}) fs::remove(file_.string() + part, code);
  }
  fs::path file_;
};

// Page 1 holds the file's header and where each table begins. Numbers of pages and of free pages are set so that what
// is there is read.
Expected<void> replaceFirstPage(const fs::path& file, const fs::path& fresh) {
  constexpr std::size_t pageBytes = 4096;
  TRY(page, readFile(fresh));
  page.resize(pageBytes);
  std::error_code code;
  // As many pages as there are tables' beginnings: what was cut off is empty.
  const std::uint64_t pages = std::max(fs::file_size(file, code), fs::file_size(fresh, code)) / pageBytes;
  fs::resize_file(file, pages * pageBytes, code);
  for (int byte = 0; byte < 4; ++byte) page[28 + byte] = static_cast<char>(pages >> (24 - 8 * byte));
  for (int byte = 32; byte < 40; ++byte) page[byte] = 0;
  page[18] = page[19] = 1;  // no write-ahead log
  std::fstream into(file, std::ios::in | std::ios::out | std::ios::binary);
  into.write(page.data(), std::ssize(page));
  into.close();
  if (!into) return environmentError("cannot write " + file.string() + "; is the disk full?", file.string());
  return {};
}

bool readable(const fs::path& file) {
  auto connection = Connection::open(file, Opening::readWrite);
  return connection && catalogue::requireOurs(*connection, file.parent_path());
}

// Row by row in the order of their numbers; where a page cannot be read, further and further beyond it until one can.
Expected<void> salvageTable(const Connection& into, const Table& table, Salvage& salvage) {
  const std::string name(table.name), columns(table.columns);
  const std::string rowid = columns.substr(0, columns.find(','));
  std::int64_t last = std::numeric_limits<std::int64_t>::min(), leap = 1;
  for (;;) {
    auto rows = into.prepare("SELECT rowid FROM damaged." + name + " WHERE rowid > ? ORDER BY rowid", {last});
    for (;;) {
      const auto more = rows ? rows->next() : Expected<bool>(rows.error());
      if (more && !*more) return {};
      if (!more) {
        if (more.error().kind == ErrorKind::environment) return more.error();
        break;
      }
      last = rows->integer(0);
      leap = 1;
      const auto copied = into.run("INSERT OR IGNORE INTO main." + name + " (" + columns + ") SELECT " + columns +
                                       " FROM damaged." + name + " WHERE rowid = ? AND " + std::string(table.wanted),
                                   {last});
      if (!copied && copied.error().kind == ErrorKind::environment) return copied.error();
      if (copied && into.changes() > 0)
        ++salvage.rows[name];
      else
        salvage.whole = false;
    }
    salvage.whole = false;
    if (last < 0) last = 0;
    if (last > std::numeric_limits<std::int64_t>::max() / 2 - leap) return {};
    last += leap;
    leap *= 2;
  }
}

}  // namespace

Expected<Salvage> salvageRows(const fs::path& damaged, const fs::path& fresh) {
  const Copy copy(fresh.string() + ".from");
  TRY_DO(copy.make(damaged));
  if (!readable(copy.file())) {
    std::error_code code;
    fs::remove(copy.file().string() + "-shm", code);
    TRY_DO(replaceFirstPage(copy.file(), fresh));
  }
  Salvage salvage;
  TRY(into, Connection::open(fresh, Opening::readWrite));
  // Row by row, each for itself: what is read may fail at any of them. The caller syncs the file at the end.
  TRY_DO(into.runAll("PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY"));
  // The words of its schema are needed for any statement from here on.
  if (!into.run("ATTACH ? AS damaged", {copy.file().string()}) ||
      !into.integer("SELECT count(*) FROM damaged.sqlite_schema")) {
    return Salvage{.rows = {}, .whole = false};
  }
  for (const Table& table : tables) TRY_DO(salvageTable(into, table, salvage));
  // Who it is and how far it had come; windows ask for what changed since a revision, so that never falls.
  (void)into.run(
      "UPDATE main.study SET id = (SELECT id FROM damaged.study), revision = (SELECT revision FROM damaged.study) "
      "WHERE (SELECT length(id) FROM damaged.study) = 32");
  TRY_DO(into.run("DETACH damaged"));
  TRY_DO(
      into.run("UPDATE study SET revision = 1 + max(revision, coalesce((SELECT max(revision) FROM artifact), 0), "
               "coalesce((SELECT max(placed) FROM name), 0))"));
  return salvage;
}

}  // namespace moescope
