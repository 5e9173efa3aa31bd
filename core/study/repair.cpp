// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/repair.h"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/commit_point.h"
#include "core/base/file.h"
#include "core/study/hdf5.h"
#include "core/study/place.h"
#include "core/study/salvage.h"
#include "core/study/study_state.h"

namespace moescope {

namespace fs = std::filesystem;
using sqlite::Connection;
using sqlite::Opening;

namespace {

constexpr const char* rescued = "rescued";

bool holdsArtifacts(const fs::path& study) {
  std::error_code code;
  for (int kind = 0; kind <= static_cast<int>(Kind::sheet); ++kind)
    for (const auto& entry : fs::directory_iterator(study / place::folderOf(static_cast<Kind>(kind)), code))
      if (place::isId(entry.path().stem().string())) return true;
  return false;
}

// ---- The catalogue --------------------------------------------------------------------------------------------------

// Nothing when it is sound; a reason when it is damaged; an error when it is not ours to repair.
Expected<std::optional<std::string>> damageOfCatalogue(const fs::path& study) {
  const fs::path file = catalogue::fileIn(study);
  std::error_code code;
  if (!fs::is_regular_file(file, code) || fs::file_size(file, code) == 0) {
    if (holdsArtifacts(study)) return std::optional<std::string>("there is no catalogue");
    return inputError(study.string() + " is not a study: it has no study.sqlite and no artifacts", study.string());
  }
  TRY(connection, Connection::open(file, Opening::readWrite));
  const auto application = connection.integer("PRAGMA application_id");
  const auto schema = connection.integer("PRAGMA user_version");
  if (!application || !schema) {
    const Error& error = application ? schema.error() : application.error();
    if (error.kind != ErrorKind::input) return error;
    return std::optional(error.message);
  }
  const auto sound = connection.text("PRAGMA quick_check(1)");
  if (!sound) {
    if (sound.error().kind != ErrorKind::input) return sound.error();
    return std::optional(sound.error().message);
  }
  const bool ours = *application == catalogue::applicationId;
  if (sound->value_or("") == "ok" && (!ours || *schema > studySchema)) {
    // Another program's database, or a newer schema, says so itself.
    TRY_DO(catalogue::requireOurs(connection, study));
  }
  if (sound->value_or("") != "ok") return std::optional("the catalogue is damaged: " + sound->value_or(""));
  if (const auto shape = catalogue::requireOurs(connection, study); !shape) return std::optional(shape.error().message);
  // Indexes that disagree with their tables are made anew with the rest.
  const auto whole = connection.text("PRAGMA integrity_check(1)");
  if (!whole || whole->value_or("") != "ok")
    return std::optional("the catalogue is damaged: " + (whole ? whole->value_or("") : whole.error().message));
  // A header that says of a file which can be written that it cannot. Nobody else holds it: the lock is ours alone.
  if (::access(file.c_str(), W_OK) == 0 && !connection.runAll("BEGIN; UPDATE study SET revision = revision; ROLLBACK"))
    return std::optional<std::string>("the catalogue's header says that it cannot be written");
  return std::optional<std::string>{};
}

// Puts the damaged catalogue aside and the new one in its place. The new one is complete before anything is moved, so a
// repair that was killed is carried on by the next one.
Expected<void> replaceCatalogue(const fs::path& study, const fs::path& fresh, Repair& repair) {
  const fs::path file = catalogue::fileIn(study);
  std::string time = utcNow();
  std::erase(time, ':');
  const fs::path aside = file.string() + ".damaged-" + time;
  std::error_code code;
  for (const char* part : {"", "-wal", "-journal"}) {
    const fs::path from = file.string() + part;
    if (!fs::exists(from, code)) continue;
    fs::rename(from, aside.string() + part, code);
    if (code) return environmentError(systemError("put aside", from.string(), code.value()).message, from.string());
  }
  fs::remove(file.string() + "-shm", code);
  pass(CommitPoint::repairPutAside);
  fs::rename(fresh, file, code);
  if (code) return environmentError(systemError("replace", file.string(), code.value()).message, file.string());
  TRY_DO(syncFolder(study));
  pass(CommitPoint::repairReplaced);
  if (fs::exists(aside, code))
    repair.saved.push_back({"the damaged catalogue is kept as " + aside.filename().string(), aside.string()});
  return {};
}

Expected<void> repairCatalogue(const fs::path& study, Repair& repair) {
  const fs::path file = catalogue::fileIn(study), fresh = file.string() + ".repaired";
  std::error_code code;
  auto damage = damageOfCatalogue(study);
  // A repair that was killed after it had put the damaged one aside left the whole new one.
  if (fs::exists(fresh, code)) {
    if (!fs::exists(file, code)) return replaceCatalogue(study, fresh, repair);
    fs::remove(fresh, code);
  }
  if (!damage) return std::move(damage).error();
  if (!*damage) return {};
  repair.lost.push_back({**damage, file.string()});
  const fs::path draft = fresh.string() + ".part";
  for (const char* part : {"", "-wal", "-shm", "-journal"}) fs::remove(draft.string() + part, code);
  TRY_DO(catalogue::build(draft));
  if (fs::exists(file, code) && fs::file_size(file, code) > 0) {
    TRY(salvage, salvageRows(file, draft));
    std::string counts;
    for (const auto& [table, rows] : salvage.rows)
      counts += (counts.empty() ? "" : ", ") + std::to_string(rows) + " of " + table;
    repair.saved.push_back({"rows of the damaged catalogue were taken over: " + (counts.empty() ? "none" : counts) +
                                (salvage.whole ? "; all that it had" : "; others could not be read"),
                            file.string()});
  }
  TRY_DO(syncFile(draft));
  fs::rename(draft, fresh, code);
  if (code) return environmentError(systemError("make", fresh.string(), code.value()).message, fresh.string());
  TRY_DO(syncFolder(study));
  pass(CommitPoint::repairRebuilt);
  return replaceCatalogue(study, fresh, repair);
}

// ---- Files and rows -------------------------------------------------------------------------------------------------

class Mending {
 public:
  Mending(const Study::State& state, std::int64_t revision, Repair& repair)
      : state_(state), revision_(revision), repair_(repair) {}

  Expected<void> mend() {
    TRY_DO(dropStrangers());
    TRY(artifacts, state_.artifacts("WHERE a.state <> 'evicted' ORDER BY a.rowid"));
    for (const Artifact& artifact : artifacts) TRY_DO(mendContent(artifact));
    TRY_DO(adoptFiles());
    for (const char* table : {"name", "tag", "note", "output", "input"}) TRY_DO(dropDangling(table));
    return {};
  }

 private:
  // Rows of artifacts that are none: their ids would become paths.
  Expected<void> dropStrangers() {
    TRY(rows, state_.connection.prepare("SELECT rowid, id, kind FROM artifact"));
    std::vector<std::int64_t> strangers;
    for (;;) {
      TRY(more, rows.next());
      if (!more) break;
      if (!place::isId(rows.text(1)) || !kindFromName(rows.text(2))) strangers.push_back(rows.integer(0));
    }
    for (const std::int64_t row : strangers)
      TRY_DO(state_.connection.run("DELETE FROM artifact WHERE rowid = ?", {row}));
    if (!strangers.empty()) lose(std::to_string(strangers.size()) + " rows of artifacts had no id or no kind");
    return {};
  }

  Expected<void> mendContent(const Artifact& artifact) {
    const std::string what = std::string(name(artifact.kind)) + " " + artifact.title();
    if (artifact.path != state_.folder / place::pathOf(artifact.kind, artifact.id)) return {};  // elsewhere
    const std::string again =
        artifact.operation.empty() ? "take it from a backup" : "run " + artifact.operation + " again";
    const auto link = place::linkAt(artifact.path);
    if (!link && !place::complete(artifact.kind, artifact.id, state_.folder)) {
      lose(what + " has no file any more; " + again, artifact.path);
    } else {
      const auto id =
          link ? Expected<std::string>(std::string()) : place::idOfPlaced(artifact.kind, artifact.id, state_.folder);
      if (!id && id.error().kind == ErrorKind::environment) return id.error();
      if (id && *id == artifact.id) return {};
      lose(what +
               (link  ? " held a link instead of a file"
                : !id ? " cannot be read: " + id.error().message
                      : " was changed after it was committed") +
               "; what there is was put into damaged/, " + again,
           artifact.path);
    }
    for (const fs::path& path : place::presentAt(artifact.kind, artifact.id, state_.folder)) TRY_DO(putAside(path));
    return state_.connection.run("UPDATE artifact SET state = 'evicted', revision = ? WHERE id = ?",
                                 {revision_, artifact.id});
  }

  Expected<void> putAside(const fs::path& path) {
    const fs::path folder = state_.folder / "damaged" / path.parent_path().filename();
    TRY_DO(makeFolders(folder));
    std::error_code code;
    fs::path to = folder / path.filename();
    for (int number = 2; fs::exists(fs::symlink_status(to, code)); ++number)
      to = folder / (path.filename().string() + "." + std::to_string(number));
    fs::rename(path, to, code);
    if (code) return environmentError(systemError("put aside", path.string(), code.value()).message, path.string());
    return {};
  }

  // What lies at an artifact's place without a row: an artifact when its content has that id, else garbage.
  Expected<void> adoptFiles() {
    TRY(rows, state_.artifacts(""));
    std::set<std::string> known;
    for (const Artifact& artifact : rows) known.insert(artifact.id);
    std::set<std::string> folders;
    for (int kind = 0; kind <= static_cast<int>(Kind::sheet); ++kind)
      folders.insert(place::folderOf(static_cast<Kind>(kind)));
    for (const std::string& folder : folders) {
      std::set<std::string> ids;
      std::error_code code;
      for (const auto& entry : fs::directory_iterator(state_.folder / folder, code))
        if (const std::string id = entry.path().stem().string(); place::isId(id) && !known.contains(id)) ids.insert(id);
      for (const std::string& id : ids) TRY_DO(adopt(folder, id));
    }
    return {};
  }

  Expected<void> adopt(const std::string& folder, const std::string& id) {
    const Kind kind = kindOf(folder, id);
    const fs::path path = state_.folder / place::pathOf(kind, id);
    const std::string what = std::string(name(kind)) + " " + id.substr(0, 12);
    const auto content = place::complete(kind, id, state_.folder) && !place::linkAt(path)
                             ? place::idOfPlaced(kind, id, state_.folder)
                             : Expected<std::string>(std::string());
    if (!content && content.error().kind == ErrorKind::environment) return content.error();
    if (!content || *content != id) {
      lose(what + " has no row, and its content is not what its id says; `study gc` removes it", path);
      return {};
    }
    std::uint64_t bytes = 0;
    for (const fs::path& part : place::presentAt(kind, id, state_.folder)) bytes += bytesBelow(part);
    TRY_DO(state_.connection.run(
        "INSERT INTO artifact (id, kind, created, summary, bytes, revision) VALUES (?, ?, ?, '{}', ?, ?)",
        {id, std::string(name(kind)), utcNow(), static_cast<std::int64_t>(bytes), revision_}));
    TRY_DO(state_.connection.run("INSERT INTO tag VALUES (?, ?) ON CONFLICT DO NOTHING", {id, std::string(rescued)}));
    pass(CommitPoint::repairAdopted);
    repair_.saved.push_back({what + " had no row and has one again, with the tag " + rescued, path.string()});
    return {};
  }

  // arrays/ holds results and activations; a result has values.
  Kind kindOf(const std::string& folder, const std::string& id) const {
    const auto kinds = place::kindsIn(folder);
    if (kinds.size() == 1) return kinds.front();
    const auto file = hdf5::File::openForeign(state_.folder / folder / (id + ".h5"));
    return file && !file->has("/values") ? Kind::activations : Kind::result;
  }

  Expected<void> dropDangling(const std::string& table) {
    const bool ofRequest = table == "output" || table == "input";
    const std::string where = "artifact NOT IN (SELECT id FROM artifact)" +
                              std::string(ofRequest ? " OR request NOT IN (SELECT digest FROM request)" : "");
    std::string names;
    if (table == "name") {
      TRY(gone, state_.connection.text("SELECT group_concat(name, ', ') FROM name WHERE " + where));
      if (gone) names = " (" + gone->substr(0, 400) + ")";
    }
    TRY_DO(state_.connection.run("DELETE FROM " + table + " WHERE " + where));
    if (const auto rows = state_.connection.changes(); rows > 0)
      lose(std::to_string(rows) + " rows of the table " + table + " pointed to what is not there" + names);
    return {};
  }

  void lose(std::string what, const fs::path& file = {}) {
    repair_.lost.push_back({std::move(what), file.empty() ? catalogue::fileIn(state_.folder).string() : file.string()});
  }

  const Study::State& state_;
  const std::int64_t revision_;
  Repair& repair_;
};

}  // namespace

Expected<Repair> repairStudy(const fs::path& folder) {
  std::error_code code;
  if (!fs::is_directory(folder, code)) return inputError("there is no study at " + folder.string(), folder.string());
  Repair repair;
  TRY(alone, Lock::takeAlone(folder));
  TRY_DO(repairCatalogue(folder, repair));
  Study::State state{.folder = folder, .access = Study::Access::write, .lock = std::move(alone), .connection = {}};
  TRY_ASSIGN(state.connection, catalogue::openForWriting(folder));
  // Rows that point nowhere are what is mended here.
  TRY_DO(state.connection.run("PRAGMA foreign_keys = OFF"));
  TRY_DO(state.write([&](std::int64_t revision) { return Mending(state, revision, repair).mend(); }));
  TRY(study, Study::open(folder, Study::Access::read));
  TRY_ASSIGN(repair.remaining, study.check());
  return repair;
}

}  // namespace moescope
