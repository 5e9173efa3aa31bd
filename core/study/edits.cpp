// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"
#include "core/study/study_state.h"

// A user's edits as data: what was changed, from which value to which. Undo sets the one, redo the other, and both are
// edits of the catalogue like any other, so that a second window sees them too.
namespace moescope {

namespace {

Json orNull(const std::optional<std::string>& text) {
  return text ? Json(*text) : Json(nullptr);
}

std::string shortId(const std::string& id) {
  return id.substr(0, 12);
}

Expected<void> setNameTo(const Study::State& state, const std::string& name, const Json& id, std::int64_t revision) {
  // Whoever carried the name until now changes too.
  TRY_DO(state.connection.run("UPDATE artifact SET revision = ? WHERE id = (SELECT artifact FROM name WHERE name = ?)",
                              {revision, name}));
  if (id.is_null()) return state.connection.run("DELETE FROM name WHERE name = ?", {name});
  TRY_DO(state.touch(id.get<std::string>(), revision));
  return state.connection.run(
      "INSERT INTO name VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET artifact = excluded.artifact, placed = "
      "excluded.placed",
      {name, id.get<std::string>(), revision});
}

Expected<void> setStateTo(const Study::State& state, const std::string& id, const std::string& value,
                          std::int64_t revision) {
  TRY_DO(state.touch(id, revision));
  TRY(current, state.connection.text("SELECT state FROM artifact WHERE id = ?", {id}));
  if (current == "evicted")
    return usageError("the files of " + shortId(id) + " were collected meanwhile (`study gc`); run what made it again");
  if (value == "deleted")
    return state.connection.run("UPDATE artifact SET state = 'deleted', deleted = ? WHERE id = ?", {utcNow(), id});
  return state.connection.run("UPDATE artifact SET state = 'present', deleted = NULL WHERE id = ?", {id});
}

Expected<void> setTagTo(const Study::State& state, const std::string& id, const std::string& tag, bool on,
                        std::int64_t revision) {
  TRY_DO(state.touch(id, revision));
  if (on) return state.connection.run("INSERT INTO tag VALUES (?, ?) ON CONFLICT DO NOTHING", {id, tag});
  return state.connection.run("DELETE FROM tag WHERE artifact = ? AND tag = ?", {id, tag});
}

Expected<void> setNoteTo(const Study::State& state, const std::string& id, const std::string& text,
                         std::int64_t revision) {
  TRY_DO(state.touch(id, revision));
  return state.connection.run(
      "INSERT INTO note VALUES (?, ?) ON CONFLICT (artifact) DO UPDATE SET text = excluded.text", {id, text});
}

// `side` is "before" or "after".
Expected<void> apply(const Study::State& state, const Json& change, const char* side, std::int64_t revision) {
  const std::string what = change.at("what"), of = change.at("of");
  const Json& value = change.at(side);
  if (what == "name") return setNameTo(state, of, value, revision);
  if (what == "state") return setStateTo(state, of, value.get<std::string>(), revision);
  if (what == "tag") return setTagTo(state, of, change.at("tag"), value.get<bool>(), revision);
  if (what == "note") return setNoteTo(state, of, value.get<std::string>(), revision);
  return bugError("the study's undo list holds an unknown change '" + what + "'");
}

// An edit that is made now: applied, and put on the list; what was undone before it can no longer be redone.
Expected<void> make(const Study::State& state, const Json& change, const std::string& words, std::int64_t revision) {
  if (change.at("before") == change.at("after")) return {};
  TRY_DO(apply(state, change, "after", revision));
  TRY_DO(state.connection.run("UPDATE undo SET state = 'superseded' WHERE state = 'undone'"));
  return state.connection.run("INSERT INTO undo (at, words, change, state) VALUES (?, ?, ?, 'done')",
                              {utcNow(), words, canonical(change)});
}

// Takes the last done edit back (or the first undone one forth) and says in words which one that was.
Expected<std::string> step(const Study::State& state, bool back) {
  std::string words;
  auto work = [&](std::int64_t revision) -> Expected<void> {
    TRY(row, state.connection.prepare(
                 back ? "SELECT number, words, change FROM undo WHERE state = 'done' ORDER BY number DESC LIMIT 1"
                      : "SELECT number, words, change FROM undo WHERE state = 'undone' ORDER BY number LIMIT 1"));
    TRY(there, row.next());
    if (!there)
      return usageError(std::string("there is nothing to ") + (back ? "undo" : "redo") + " in " +
                        state.folder.string());
    words = row.text(1);
    TRY(change, parseJson(row.text(2)));
    try {
      TRY_DO(apply(state, change, back ? "before" : "after", revision));
    } catch (const Json::exception& error) {
      return bugError(std::string("the study's undo list holds a change that cannot be read: ") + error.what());
    }
    return state.connection.run("UPDATE undo SET state = ? WHERE number = ?",
                                {std::string(back ? "undone" : "done"), row.integer(0)});
  };
  TRY_DO(state.write(work));
  return words;
}

}  // namespace

Expected<void> Study::checkName(std::string_view name) {
  const std::string given(name);
  auto allowed = [](unsigned char c) { return std::isalnum(c) || c == '_' || c == '-' || c == '.'; };
  if (given.empty() || given.size() > 64)
    return usageError("a name has 1 to 64 characters, '" + given + "' has " + std::to_string(given.size()));
  const auto bad = std::find_if_not(given.begin(), given.end(), allowed);
  if (bad != given.end())
    return usageError("a name is made of the letters A-Z and a-z, digits, '_', '-' and '.'; '" + given +
                      "' has something else at its character " + std::to_string(bad - given.begin() + 1));
  if (given.size() >= 8 && std::all_of(given.begin(), given.end(), [](unsigned char c) { return std::isxdigit(c); }))
    return usageError("'" + given + "' would read as the beginning of an id; give a name with another letter in it");
  return {};
}

Expected<void> Study::setName(const std::string& id, const std::string& name) {
  TRY_DO(checkName(name));
  return state_->write([&](std::int64_t revision) -> Expected<void> {
    TRY_DO(state_->touch(id, revision));
    TRY(before, state_->connection.text("SELECT artifact FROM name WHERE name = ?", {name}));
    const Json change{{"what", "name"}, {"of", name}, {"before", orNull(before)}, {"after", id}};
    return make(*state_, change,
                "name " + name + (before ? " moved from " + shortId(*before) + " to " : " given to ") + shortId(id),
                revision);
  });
}

Expected<void> Study::remove(const std::string& id) {
  return state_->write([&](std::int64_t revision) -> Expected<void> {
    TRY_DO(state_->touch(id, revision));
    TRY(found, state_->artifacts("WHERE a.id = ?", {id}));
    const Artifact& artifact = found.front();
    if (artifact.state != ArtifactState::present) return usageError(artifact.title() + " was removed already");
    const Json change{{"what", "state"}, {"of", id}, {"before", "present"}, {"after", "deleted"}};
    return make(*state_, change, "removal of " + std::string(moescope::name(artifact.kind)) + " " + artifact.title(),
                revision);
  });
}

Expected<void> Study::setTag(const std::string& id, const std::string& tag, bool on) {
  if (tag.empty() || tag.size() > 64) return usageError("a tag has 1 to 64 characters");
  return state_->write([&](std::int64_t revision) -> Expected<void> {
    TRY(before, state_->connection.integer("SELECT count(*) FROM tag WHERE artifact = ? AND tag = ?", {id, tag}));
    const Json change{{"what", "tag"}, {"of", id}, {"tag", tag}, {"before", before != 0}, {"after", on}};
    return make(*state_, change, "tag " + tag + (on ? " on " : " taken off ") + shortId(id), revision);
  });
}

Expected<void> Study::setNote(const std::string& id, const std::string& note) {
  return state_->write([&](std::int64_t revision) -> Expected<void> {
    TRY(before, state_->connection.text("SELECT text FROM note WHERE artifact = ?", {id}));
    const Json change{{"what", "note"}, {"of", id}, {"before", before.value_or("")}, {"after", note}};
    return make(*state_, change, "note on " + shortId(id), revision);
  });
}

Expected<std::string> Study::undo() {
  return step(*state_, true);
}
Expected<std::string> Study::redo() {
  return step(*state_, false);
}

Expected<std::vector<std::string>> Study::tagsOf(const std::string& id) const {
  TRY(rows, state_->connection.prepare("SELECT tag FROM tag WHERE artifact = ? ORDER BY tag", {id}));
  std::vector<std::string> tags;
  for (;;) {
    TRY(more, rows.next());
    if (!more) return tags;
    tags.push_back(rows.text(0));
  }
}

Expected<std::string> Study::noteOf(const std::string& id) const {
  TRY(text, state_->connection.text("SELECT text FROM note WHERE artifact = ?", {id}));
  return text.value_or("");
}

}  // namespace moescope
