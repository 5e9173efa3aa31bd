// SPDX-License-Identifier: GPL-3.0-or-later
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/commit_point.h"
#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/study/place.h"
#include "core/study/study_state.h"

// How what a job wrote becomes an artifact. The order is the contract's: files are synced and take their id, then one
// immediate transaction renames them into place, syncs the folders, inserts the rows and commits. A process killed
// before the commit leaves files without a row, which gc collects; a row never stands without its files.
namespace moescope {

namespace fs = std::filesystem;

namespace {

struct Settled {
  Study::Produced produced;
  std::string id;
  std::uint64_t bytes = 0;
};

// The long part, before anything is locked.
Expected<Settled> settle(const Study::Produced& produced) {
  Settled settled{produced, produced.id, 0};
  if (produced.outside) {
    if (settled.id.size() != 64)
      return bugError("a referenced " + std::string(name(produced.kind)) + " came without its id");
    settled.bytes = bytesBelow(*produced.outside);
    return settled;
  }
  if (const auto link = place::linkAt(produced.written))
    return inputError("an operation wrote the link " + link->string() + "; what becomes part of a study is files",
                      link->string());
  TRY_DO(syncTree(produced.written));
  TRY_ASSIGN(settled.id, place::idOfWritten(produced.kind, produced.written));
  for (const std::string& extension : place::extensionsOf(produced.kind))
    settled.bytes += bytesBelow(produced.written / ("content" + extension));
  if (place::extensionsOf(produced.kind).empty()) settled.bytes = bytesBelow(produced.written);
  pass(CommitPoint::outputSynced);
  return settled;
}

// Files that were brought into place; taken back to the job's folder unless the transaction went through.
class Placing {
 public:
  Placing() = default;
  Placing(const Placing&) = delete;
  Placing& operator=(const Placing&) = delete;
  ~Placing() {
    std::error_code code;
    for (auto move = moves_.rbegin(); move != moves_.rend(); ++move) fs::rename(move->to, move->from, code);
  }

  Expected<void> bring(const Settled& settled, const fs::path& study) {
    TRY(moves, place::movesOf(settled.produced.kind, settled.id, settled.produced.written, study));
    for (const place::Move& move : moves) {
      TRY_DO(makeFolders(move.to.parent_path()));
      std::error_code code;
      // What a killed commit left there has no row.
      fs::remove_all(move.to, code);
      fs::rename(move.from, move.to, code);
      if (code)
        return environmentError(systemError("move into the study", move.from.string(), code.value()).message,
                                move.from.string());
      moves_.push_back(move);
      folders_.insert(move.to.parent_path());
      pass(CommitPoint::outputPlaced);
    }
    return {};
  }
  Expected<void> sync(const fs::path& study) {
    for (const fs::path& folder : folders_) TRY_DO(syncFolder(folder));
    return folders_.empty() ? Expected<void>{} : syncFolder(study);
  }
  void keep() { moves_.clear(); }

 private:
  std::vector<place::Move> moves_;
  std::set<fs::path> folders_;
};

// The artifact's row and files; content that is there already gains nothing.
Expected<void> insertArtifact(const Study::State& state, const Settled& settled, Placing& placing,
                              std::int64_t revision) {
  const auto& produced = settled.produced;
  TRY(row, state.connection.prepare("SELECT state, kind FROM artifact WHERE id = ?", {settled.id}));
  TRY(known, row.next());
  if (known && row.text(1) != name(produced.kind))
    return bugError("the " + std::string(name(produced.kind)) + " " + settled.id + " has the content of a " +
                    row.text(1) + " of this study");
  const bool complete = known && row.text(0) != "evicted" && place::complete(produced.kind, settled.id, state.folder);
  if (!produced.outside && !complete) TRY_DO(placing.bring(settled, state.folder));
  std::optional<std::string> outside;
  if (produced.outside) outside = fs::absolute(*produced.outside).lexically_normal().string();
  const sqlite::Argument outsideArgument = outside ? sqlite::Argument(*outside) : sqlite::Argument(nullptr);
  if (known)
    return state.connection.run(
        "UPDATE artifact SET state = 'present', deleted = NULL, outside = ?, revision = ? WHERE id = ?",
        {outsideArgument, revision, settled.id});
  return state.connection.run(
      "INSERT INTO artifact (id, kind, created, outside, summary, bytes, revision) VALUES (?, ?, ?, ?, ?, ?, ?)",
      {settled.id, std::string(name(produced.kind)), utcNow(), outsideArgument, produced.summary,
       static_cast<std::int64_t>(settled.bytes), revision});
}

Expected<void> insertRequest(const Study::State& state, const RequestRow& request) {
  return state.connection.run(
      "INSERT INTO request VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE SET provenance = excluded.provenance",
      {request.digest, request.operation, std::int64_t{request.version}, request.request, request.provenance});
}

Expected<void> insertOutput(const Study::State& state, const RequestRow& request, const Settled& settled, bool final) {
  return state.connection.run(
      "INSERT INTO output (request, port, artifact, final) VALUES (?, ?, ?, ?) "
      "ON CONFLICT (request, port, artifact) DO UPDATE SET final = max(final, excluded.final)",
      {request.digest, settled.produced.port, settled.id, std::int64_t{final}});
}

// The job's own copy of content that the study had already; and what is left of a folder whose files were moved.
void dropLeftovers(const std::vector<Settled>& all) {
  std::error_code code;
  for (const Settled& settled : all)
    if (!settled.produced.outside && !settled.produced.written.empty()) fs::remove_all(settled.produced.written, code);
}

}  // namespace

Expected<std::map<std::string, std::string>> Study::commit(
    const RequestRow& request, const std::vector<std::pair<std::string, std::string>>& inputs,
    std::vector<Produced> produced) {
  TRY_DO(state_->requireWriting());
  std::vector<Settled> all;
  for (const Produced& one : produced) {
    TRY(settled, settle(one));
    all.push_back(std::move(settled));
  }
  std::map<std::string, std::string> idByPort;
  Placing placing;
  auto insert = [&](std::int64_t revision) -> Expected<void> {
    TRY_DO(insertRequest(*state_, request));
    for (std::size_t at = 0; at < inputs.size(); ++at)
      TRY_DO(
          state_->connection.run("INSERT INTO input VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                                 {request.digest, static_cast<std::int64_t>(at), inputs[at].first, inputs[at].second}));
    // A request that ran again answers with what it gave last.
    TRY_DO(state_->connection.run("UPDATE output SET final = 0 WHERE request = ?", {request.digest}));
    for (const Settled& settled : all) {
      TRY_DO(insertArtifact(*state_, settled, placing, revision));
      TRY_DO(insertOutput(*state_, request, settled, true));
      idByPort[settled.produced.port] = settled.id;
    }
    TRY_DO(placing.sync(state_->folder));
    pass(CommitPoint::outputFiled);
    return {};
  };
  TRY_DO(state_->write(insert));
  placing.keep();
  pass(CommitPoint::outputCommitted);
  dropLeftovers(all);
  return idByPort;
}

Expected<std::string> Study::commitSnapshot(const RequestRow& request, const Produced& produced) {
  TRY_DO(state_->requireWriting());
  TRY(settled, settle(produced));
  Placing placing;
  auto insert = [&](std::int64_t revision) -> Expected<void> {
    TRY_DO(insertRequest(*state_, request));
    TRY_DO(insertArtifact(*state_, settled, placing, revision));
    TRY_DO(insertOutput(*state_, request, settled, false));
    TRY_DO(placing.sync(state_->folder));
    pass(CommitPoint::outputFiled);
    return {};
  };
  TRY_DO(state_->write(insert));
  placing.keep();
  pass(CommitPoint::outputCommitted);
  dropLeftovers({settled});
  return settled.id;
}

}  // namespace moescope
