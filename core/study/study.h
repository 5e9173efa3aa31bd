// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/expected.h"
#include "core/study/artifact.h"

namespace moescope {

inline constexpr int studySchema = 1;

// One job as the catalogue knows it; (pid, started) tells a living worker from a reused process number.
struct JobRow {
  std::string job;         // chosen by whoever submitted it; unique within the study
  std::string request;     // request digest
  std::string operation;
  std::string state;       // "queued", "running", "done", "failed", "cancelled"
  std::int64_t pid = 0;
  std::int64_t pidStart = 0;  // /proc/PID/stat field 22
  std::string created;
  std::string error;       // canonical JSON of the Error, when failed
  bool alive() const;      // running, and that very process is there
};

// What a finished request is filed with (design section 1, "Two digests").
struct RequestRow {
  std::string digest;
  std::string operation;
  int version = 1;
  std::string request;     // canonical JSON of the request
  std::string provenance;  // canonical JSON: program version, host, seed, resources, start, duration
};

// A folder that holds everything of one piece of work: SQLite catalogue, HDF5 arrays, models, corpora (contract section 3).
// The row is the commit point. One Study per thread; any number of processes of one host may write.
class Study {
 public:
  enum class Access { read, write };

  static Expected<Study> create(const std::filesystem::path& folder);
  // Errors: input (not a study, newer schema, damaged), environment (held by another host and Access::write).
  static Expected<Study> open(const std::filesystem::path& folder, Access access);
  Study(Study&&) noexcept;
  Study& operator=(Study&&) noexcept;
  ~Study();

  const std::filesystem::path& folder() const;
  std::string id() const;  // 32 hex digits, drawn when it was made; copies share it

  // Artifacts ---------------------------------------------------------------------------------------------------------
  Expected<std::vector<Artifact>> list(bool withDeleted = false) const;  // oldest first
  // A name, else a unique prefix of 8 or more digits. Usage error with the nearest names when there is none.
  Expected<Artifact> find(std::string_view nameOrId) const;
  Expected<Artifact> get(const std::string& id) const;
  Expected<std::vector<std::string>> inputsOf(const std::string& requestDigest) const;  // ids, in order
  Expected<std::optional<RequestRow>> request(const std::string& digest) const;
  // Ids by port when every output of that request is present.
  Expected<std::optional<std::map<std::string, std::string>>> outputsOf(const std::string& requestDigest) const;
  // Increases with every change of artifacts, names, tags, notes and jobs (not of sessions); cheap, for polling.
  std::int64_t revision() const;
  // Artifacts in any state whose row, names, tags or note changed after that revision; oldest change first.
  Expected<std::vector<Artifact>> changedSince(std::int64_t revision) const;
  Expected<std::vector<std::string>> tagsOf(const std::string& id) const;
  Expected<std::string> noteOf(const std::string& id) const;  // "" for none

  // Edits: committed when the call returns; each can be undone ---------------------------------------------------------
  Expected<void> setName(const std::string& id, const std::string& name);
  Expected<void> remove(const std::string& id);
  Expected<void> setTag(const std::string& id, const std::string& tag, bool on);
  Expected<void> setNote(const std::string& id, const std::string& note);
  Expected<std::string> undo();  // gives what was undone in words; usage error when there is nothing
  Expected<std::string> redo();
  static Expected<void> checkName(std::string_view name);  // contract section 1: 1-64 letters, digits, "_-.", not 8 or more hex digits

  // Window sessions: small JSON values by key ---------------------------------------------------------------------------
  Expected<void> setSession(const std::string& key, const std::string& json);
  Expected<std::optional<std::string>> session(const std::string& key) const;

  // Jobs and commits ------------------------------------------------------------------------------------------------------
  std::filesystem::path jobFolder(const std::string& requestDigest) const;  // S/jobs/<digest>
  Expected<void> putJob(const JobRow& row);      // insert or update by job
  Expected<std::vector<JobRow>> jobs() const;    // newest first
  // A job of this request whose worker is alive, if any (a second submit joins it).
  Expected<std::optional<JobRow>> runningJob(const std::string& requestDigest) const;

  struct Produced {
    std::string port;
    Kind kind;
    std::filesystem::path written;  // folder below jobs/; for a referenced model, `outside` holds where it is
    std::optional<std::filesystem::path> outside = {};
    std::string id = {};            // only with `outside` (the reader of that family takes the digest); otherwise from the content
    std::string summary = "{}";
  };
  // Takes the ids, renames into place, fsyncs, inserts request, inputs, outputs and artifacts in one immediate transaction.
  // Content that is already present only gains the new output row. Gives ids by port.
  Expected<std::map<std::string, std::string>> commit(const RequestRow& request, const std::vector<std::pair<std::string, std::string>>& inputs,
                                                      std::vector<Produced> produced);
  // A snapshot on the way: an artifact of its own without ending the request.
  Expected<std::string> commitSnapshot(const RequestRow& request, const Produced& produced);

  // Care --------------------------------------------------------------------------------------------------------------------
  struct Damage { std::string what; std::string file; };
  Expected<std::vector<Damage>> check() const;  // rows without files, content that no longer has its id, a damaged catalogue
  struct Collected { std::uint64_t files = 0, bytes = 0; };
  Expected<Collected> collect(bool now);        // gc: files without rows; deleted more than 30 days ago, or now

  struct State;  // study_state.h: for the files that implement Study

 private:
  explicit Study(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moescope
