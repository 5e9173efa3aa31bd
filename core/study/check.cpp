// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <atomic>
#include <new>
#include <thread>

#include "core/study/place.h"
#include "core/study/study_state.h"

// `study check`: the catalogue against itself, and every artifact's content against its id.
namespace moescope {

namespace fs = std::filesystem;

namespace {

using Damages = std::vector<Study::Damage>;

// The rows of a PRAGMA that says "ok" or what is wrong. Damage that stops the check itself is damage.
Expected<void> report(const sqlite::Connection& connection, std::string_view pragma, const std::string& what,
                      Damages& damages) {
  const std::string file = connection.file().string();
  auto rows = connection.prepare(pragma);
  for (;;) {
    auto more = rows ? rows->next() : Expected<bool>(rows.error());
    if (!more && more.error().kind == ErrorKind::input)
      return damages.push_back({more.error().message, file}), Expected<void>{};
    if (!more) return std::move(more).error();
    if (!*more) return {};
    if (rows->text(0) != "ok") damages.push_back({what + rows->text(0), file});
  }
}

// Rows that no list shows, since their id or kind is none.
Expected<void> reportStrangers(const sqlite::Connection& connection, Damages& damages) {
  TRY(rows, connection.prepare("SELECT id, kind FROM artifact"));
  for (;;) {
    TRY(more, rows.next());
    if (!more) return {};
    if (place::isId(rows.text(0)) && kindFromName(rows.text(1))) continue;
    damages.push_back({"the catalogue has a row for an artifact '" + rows.text(0).substr(0, 64) + "' of kind '" +
                           rows.text(1).substr(0, 20) + "', which is no artifact",
                       connection.file().string()});
  }
}

std::optional<Study::Damage> damageOf(const Artifact& artifact, const fs::path& study) {
  const std::string what = std::string(name(artifact.kind)) + " " + artifact.title();
  const std::string file = artifact.path.string();
  std::error_code code;
  if (artifact.path != study / place::pathOf(artifact.kind, artifact.id)) {
    if (fs::exists(artifact.path, code)) return std::nullopt;
    return Study::Damage{what + " is no longer where it was imported from", file};
  }
  if (const auto link = place::linkAt(artifact.path))
    return Study::Damage{what + " holds a link instead of a file; its content is not part of this study",
                         link->string()};
  if (!place::complete(artifact.kind, artifact.id, study))
    return Study::Damage{what + " has a row and no file; run what made it again", file};
  const auto id = place::idOfPlaced(artifact.kind, artifact.id, study);
  if (!id) return Study::Damage{what + " cannot be read: " + id.error().message, file};
  if (*id != artifact.id)
    return Study::Damage{what + " was changed after it was committed: its content no longer has its id", file};
  return std::nullopt;
}

}  // namespace

Expected<std::vector<Study::Damage>> Study::check() const {
  Damages damages;
  TRY_DO(report(state_->connection, "PRAGMA integrity_check(20)", "the catalogue is damaged: ", damages));
  TRY_DO(report(state_->connection, "PRAGMA foreign_key_check",
                "the catalogue has a row that points nowhere in its table ", damages));
  if (auto strangers = reportStrangers(state_->connection, damages); !strangers) {
    if (strangers.error().kind != ErrorKind::input) return std::move(strangers).error();
    damages.push_back({strangers.error().message, state_->connection.file().string()});
  }
  auto artifacts = state_->artifacts("WHERE a.state <> 'evicted' ORDER BY a.rowid");
  if (!artifacts) {
    if (damages.empty()) return std::move(artifacts).error();
    return damages;  // the catalogue is said to be damaged already
  }
  // Reading and hashing is all there is to do, and artifacts do not depend on each other.
  std::vector<std::optional<Damage>> found(artifacts->size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> outOfMemory = false;
  const auto work = [&] {
    try {
      for (std::size_t at; (at = next++) < found.size();) found[at] = damageOf((*artifacts)[at], state_->folder);
    } catch (const std::bad_alloc&) {
      outOfMemory = true;
    }
  };
  {
    const std::size_t most = std::min<std::size_t>({found.size(), 4, std::thread::hardware_concurrency()});
    std::vector<std::jthread> helpers;
    for (std::size_t helper = 1; helper < most; ++helper) helpers.emplace_back(work);
    work();
  }
  if (outOfMemory) return environmentError("there is not enough memory to check " + state_->folder.string());
  for (std::optional<Damage>& damage : found)
    if (damage) damages.push_back(*std::move(damage));
  return damages;
}

}  // namespace moescope
