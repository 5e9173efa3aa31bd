// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/study.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <ctime>

#include "core/base/file.h"
#include "core/base/words.h"
#include "core/study/place.h"
#include "core/study/study_state.h"

namespace moescope {

namespace fs = std::filesystem;
using sqlite::Transaction;

namespace {
bool isHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// What a study may hold before it is one: a first `init` that was killed, or plugins that somebody laid there.
bool mayBecomeStudy(const fs::path& folder) {
  static constexpr std::array<std::string_view, 4> known{"plugins", "jobs", "scratch", "cache"};
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    const std::string file = entry.path().filename().string();
    if (std::find(known.begin(), known.end(), file) == known.end() && !file.starts_with("study.sqlite.part"))
      return false;
  }
  return !code;
}

// Nothing for a row that no Moescope wrote: its id would become a path. `study check` names such rows.
std::optional<Artifact> artifactFrom(const sqlite::Statement& row, const fs::path& study) {
  Artifact artifact;
  artifact.id = row.text(0);
  const auto kind = kindFromName(row.text(1));
  if (!kind || !place::isId(artifact.id)) return std::nullopt;
  artifact.kind = *kind;
  const std::string state = row.text(2);
  artifact.state = state == "deleted"   ? ArtifactState::deleted
                   : state == "evicted" ? ArtifactState::evicted
                                        : ArtifactState::present;
  artifact.created = row.text(3);
  const auto outside = row.optionalText(4);
  artifact.path = outside ? fs::path(*outside) : study / place::pathOf(artifact.kind, artifact.id);
  artifact.summary = row.text(5);
  artifact.bytes = static_cast<std::uint64_t>(row.integer(6));
  artifact.request = row.text(7);
  artifact.operation = row.text(8);
  artifact.port = row.text(9);
  // Names hold no blank (checkName), so one string carries them all.
  std::string names = row.text(10);
  for (std::size_t from = 0; from < names.size();) {
    const std::size_t to = std::min(names.find(' ', from), names.size());
    artifact.names.push_back(names.substr(from, to - from));
    from = to + 1;
  }
  return artifact;
}
}  // namespace

std::string utcNow() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

// ---- State ----------------------------------------------------------------------------------------------------------

Expected<void> Study::State::requireWriting() const {
  if (access == Access::write) return {};
  return bugError("the study " + folder.string() + " was opened for reading and is asked to write");
}

Expected<std::int64_t> Study::State::raiseRevision() const {
  return connection.integer("UPDATE study SET revision = revision + 1 RETURNING revision");
}

Expected<void> Study::State::touch(const std::string& id, std::int64_t revision) const {
  TRY_DO(connection.run("UPDATE artifact SET revision = ? WHERE id = ?", {revision, id}));
  if (connection.changes() == 0) return usageError("there is no artifact " + id + " in " + folder.string());
  return {};
}

Expected<std::vector<Artifact>> Study::State::artifacts(const std::string& where, sqlite::Arguments arguments) const {
  // Names newest first; the request that made an artifact is the first one that gave it.
  TRY(rows,
      connection.prepare(
          "SELECT a.id, a.kind, a.state, a.created, a.outside, a.summary, a.bytes, o.request, r.operation, o.port, "
          "(SELECT group_concat(name, ' ') FROM (SELECT name FROM name WHERE artifact = a.id ORDER BY placed DESC)) "
          "FROM artifact a LEFT JOIN output o ON o.number = (SELECT min(number) FROM output WHERE artifact = a.id) "
          "LEFT JOIN request r ON r.digest = o.request " +
              where,
          arguments));
  std::vector<Artifact> artifacts;
  for (;;) {
    TRY(more, rows.next());
    if (!more) return artifacts;
    if (auto artifact = artifactFrom(rows, folder)) artifacts.push_back(*std::move(artifact));
  }
}

// ---- Opening --------------------------------------------------------------------------------------------------------

Study::Study(std::unique_ptr<State> state) : state_(std::move(state)) {}
Study::Study(Study&&) noexcept = default;
Study& Study::operator=(Study&&) noexcept = default;
Study::~Study() = default;

Expected<Study> Study::create(const fs::path& folder) {
  std::error_code code;
  if (fs::exists(folder, code)) {
    if (!fs::is_directory(folder, code))
      return usageError(folder.string() + " is a file; a study is a folder of its own");
    if (fs::exists(catalogue::fileIn(folder), code)) return usageError(folder.string() + " is a study already");
    if (!mayBecomeStudy(folder))
      return usageError(folder.string() + " holds other files; a study is a folder of its own");
  }
  TRY_DO(makeFolders(folder));
  TRY_DO(catalogue::create(folder));
  return open(folder, Access::write);
}

Expected<Study> Study::open(const fs::path& folder, Access access) {
  auto state = std::make_unique<State>();
  state->folder = folder;
  state->access = access;
  if (access == Access::write) {
    // The catalogue says best what is wrong with a folder that is no study; only then is the lock taken, and before any
    // write.
    TRY_DO(catalogue::requireStudy(folder));
    TRY_DO(catalogue::requireWritable(folder));
    TRY(lock, Lock::take(folder));
    state->lock = std::move(lock);
    TRY_ASSIGN(state->connection, catalogue::openForWriting(folder));
  } else {
    TRY_ASSIGN(state->connection, catalogue::openForReading(folder));
  }
  return Study(std::move(state));
}

const fs::path& Study::folder() const {
  return state_->folder;
}

std::string Study::id() const {
  const auto id = state_->connection.text("SELECT id FROM study");
  return id && *id ? **id : "";
}

// ---- Artifacts ------------------------------------------------------------------------------------------------------

Expected<std::vector<Artifact>> Study::list(bool withDeleted) const {
  return state_->artifacts(withDeleted ? "ORDER BY a.rowid" : "WHERE a.state = 'present' ORDER BY a.rowid");
}

Expected<Artifact> Study::find(std::string_view nameOrId) const {
  const std::string given(nameOrId);
  TRY(named, state_->artifacts("WHERE a.id = (SELECT artifact FROM name WHERE name = ?)", {given}));
  std::vector<Artifact> found = std::move(named);
  if (found.empty() && given.size() >= 8 && given.size() <= 64 && isHex(given))
    TRY_ASSIGN(found, state_->artifacts("WHERE a.id >= ? AND a.id < ? || 'g' ORDER BY a.rowid", {given, given}));
  if (found.size() > 1) {
    std::vector<std::string> ids;
    for (const Artifact& artifact : found)
      ids.push_back(artifact.id.substr(0, std::min<std::size_t>(64, given.size() + 8)));
    return usageError("'" + given + "' begins more than one id: " + anyOf(ids));
  }
  if (found.size() == 1) {
    if (found.front().state == ArtifactState::present) return std::move(found.front());
    if (found.front().state == ArtifactState::deleted)
      return usageError("'" + given + "' (" + std::string(name(found.front().kind)) + " " +
                        found.front().id.substr(0, 12) + ") was removed; undo brings it back");
    return usageError("'" + given + "' was removed and its files were collected; run " +
                      (found.front().operation.empty() ? "what made it" : found.front().operation) + " again");
  }
  std::vector<std::string> known;
  TRY(rows, state_->connection.prepare(
                "SELECT n.name FROM name n JOIN artifact a ON a.id = n.artifact WHERE a.state = 'present'"));
  for (;;) {
    TRY(more, rows.next());
    if (!more) break;
    known.push_back(rows.text(0));
  }
  const auto near = nearestWords(given, known);
  std::string advice = near.empty() ? "`moescope-cli list` shows what there is" : "did you mean " + anyOf(near) + "?";
  return usageError("there is no artifact '" + given + "' in " + state_->folder.string() + "; " + advice);
}

Expected<Artifact> Study::get(const std::string& id) const {
  TRY(found, state_->artifacts("WHERE a.id = ?", {id}));
  if (found.empty()) return usageError("there is no artifact " + id + " in " + state_->folder.string());
  return std::move(found.front());
}

Expected<std::vector<Artifact>> Study::changedSince(std::int64_t revision) const {
  return state_->artifacts("WHERE a.revision > ? ORDER BY a.revision, a.rowid", {revision});
}

std::int64_t Study::revision() const {
  return state_->connection.integer("SELECT revision FROM study").value_or(0);
}

}  // namespace moescope
