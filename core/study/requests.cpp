// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/process.h"
#include "core/study/place.h"
#include "core/study/study_state.h"

// What was asked for: requests with their inputs and outputs, the jobs that run them, and the window's sessions.
namespace moescope {

namespace fs = std::filesystem;

namespace {
JobRow jobFrom(const sqlite::Statement& row) {
  return {.job = row.text(0),
          .request = row.text(1),
          .operation = row.text(2),
          .state = row.text(3),
          .pid = row.integer(4),
          .pidStart = row.integer(5),
          .created = row.text(6),
          .error = row.text(7)};
}
constexpr std::string_view jobColumns =
    "SELECT job, request, operation, state, pid, pid_start, created, error FROM job ";
}  // namespace

bool JobRow::alive() const {
  return state == "running" && pid > 0 && processStart(pid) == pidStart;
}

// ---- Requests -------------------------------------------------------------------------------------------------------

Expected<std::vector<std::string>> Study::inputsOf(const std::string& requestDigest) const {
  TRY(rows,
      state_->connection.prepare("SELECT artifact FROM input WHERE request = ? ORDER BY ordinal", {requestDigest}));
  std::vector<std::string> ids;
  for (;;) {
    TRY(more, rows.next());
    if (!more) return ids;
    ids.push_back(rows.text(0));
  }
}

Expected<std::optional<RequestRow>> Study::request(const std::string& digest) const {
  TRY(row, state_->connection.prepare(
               "SELECT digest, operation, version, request, provenance FROM request WHERE digest = ?", {digest}));
  TRY(there, row.next());
  if (!there) return std::optional<RequestRow>{};
  return std::optional(
      RequestRow{row.text(0), row.text(1), static_cast<int>(row.integer(2)), row.text(3), row.text(4)});
}

Expected<std::optional<std::map<std::string, std::string>>> Study::outputsOf(const std::string& requestDigest) const {
  TRY(rows, state_->connection.prepare("SELECT o.port, o.artifact, a.state, a.kind, a.outside FROM output o "
                                       "JOIN artifact a ON a.id = o.artifact WHERE o.request = ? AND o.final = 1",
                                       {requestDigest}));
  std::map<std::string, std::string> idByPort;
  for (;;) {
    TRY(more, rows.next());
    if (!more) break;
    // A row whose file was taken away by hand is as good as none: the request runs again and brings it back.
    std::error_code code;
    const auto outside = rows.optionalText(4);
    const bool there =
        outside ? fs::exists(*outside, code)
                : place::complete(kindFromName(rows.text(3)).value_or(Kind::result), rows.text(1), state_->folder);
    if (rows.text(2) != "present" || !place::isId(rows.text(1)) || !there) return std::optional<std::map<std::string, std::string>>{};
    idByPort.emplace(rows.text(0), rows.text(1));
  }
  if (idByPort.empty()) return std::optional<std::map<std::string, std::string>>{};
  return std::optional(std::move(idByPort));
}

// ---- Sessions and jobs ----------------------------------------------------------------------------------------------

Expected<void> Study::setSession(const std::string& key, const std::string& json) {
  TRY_DO(state_->requireWriting());
  return state_->connection.run(
      "INSERT INTO session VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", {key, json});
}

Expected<std::optional<std::string>> Study::session(const std::string& key) const {
  return state_->connection.text("SELECT value FROM session WHERE key = ?", {key});
}

fs::path Study::jobFolder(const std::string& requestDigest) const {
  return state_->folder / "jobs" / requestDigest;
}

Expected<void> Study::putJob(const JobRow& row) {
  return state_->write([&](std::int64_t) {
    return state_->connection.run(
        "INSERT INTO job (job, request, operation, state, pid, pid_start, created, error) VALUES (?, ?, ?, ?, ?, ?, ?, "
        "?) "
        "ON CONFLICT (job) DO UPDATE SET request = excluded.request, operation = excluded.operation, state = "
        "excluded.state, "
        "pid = excluded.pid, pid_start = excluded.pid_start, error = excluded.error",
        {row.job, row.request, row.operation, row.state, row.pid, row.pidStart,
         row.created.empty() ? utcNow() : row.created, row.error});
  });
}

Expected<std::vector<JobRow>> Study::jobs() const {
  TRY(rows, state_->connection.prepare(std::string(jobColumns) + "ORDER BY number DESC"));
  std::vector<JobRow> jobs;
  for (;;) {
    TRY(more, rows.next());
    if (!more) return jobs;
    jobs.push_back(jobFrom(rows));
  }
}

Expected<std::optional<JobRow>> Study::runningJob(const std::string& requestDigest) const {
  TRY(rows,
      state_->connection.prepare(
          std::string(jobColumns) + "WHERE request = ? AND state = 'running' ORDER BY number DESC", {requestDigest}));
  for (;;) {
    TRY(more, rows.next());
    if (!more) return std::optional<JobRow>{};
    if (JobRow job = jobFrom(rows); job.alive()) return std::optional(std::move(job));
  }
}

}  // namespace moescope
