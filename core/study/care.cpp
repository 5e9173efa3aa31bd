// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <set>

#include "core/base/file.h"
#include "core/base/process.h"
#include "core/study/place.h"
#include "core/study/study_state.h"

// `study check` and `study gc`.
namespace moescope {

namespace fs = std::filesystem;

namespace {
constexpr std::int64_t keptDays = 30;
constexpr std::int64_t secondsPerDay = 86400;

std::string utcDaysAgo(std::int64_t days) {
  const std::time_t then = ::time(nullptr) - days * secondsPerDay;
  std::tm parts{};
  ::gmtime_r(&then, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

bool isId(const std::string& text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

// The last change of anything below a folder.
std::int64_t lastChange(const fs::path& folder) {
  auto changed = [](const fs::path& path) {
    struct stat status {};
    return ::lstat(path.c_str(), &status) == 0 ? static_cast<std::int64_t>(status.st_mtime) : 0;
  };
  std::int64_t last = changed(folder);
  std::error_code code;
  for (fs::recursive_directory_iterator walk(folder, code), end; !code && walk != end; walk.increment(code))
    last = std::max(last, changed(walk->path()));
  return last;
}

// Queued or running, and its process is there.
bool holdsOn(const JobRow& job) {
  return (job.state == "running" || job.state == "queued") && job.pid > 0 && processStart(job.pid) == job.pidStart;
}

// A JSON file of a job's folder (its order, its request) holds that id.
bool orderNames(const fs::path& folder, const std::string& id) {
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder, code)) {
    if (entry.path().extension() != ".json") continue;
    const auto text = readFile(entry.path(), 16u << 20);
    if (text && text->find(id) != std::string::npos) return true;
  }
  return false;
}

// What gc takes is first renamed out of sight, while nobody can commit, and deleted after that: deleting may take long.
class Pile {
 public:
  explicit Pile(const fs::path& study)
      : study_(study), folder_(study / "scratch" / ("collected-" + std::to_string(::getpid()))) {}
  Expected<void> take(const fs::path& path) {
    TRY_DO(makeFolders(folder_));
    std::error_code code;
    fs::rename(path, folder_ / std::to_string(taken_++), code);
    if (code) return environmentError(systemError("collect", path.string(), code.value()).message, path.string());
    return {};
  }
  // Also what an earlier gc that was killed left.
  Study::Collected burn() const {
    Study::Collected collected;
    std::error_code code;
    std::vector<fs::path> piles;
    for (const auto& entry : fs::directory_iterator(study_ / "scratch", code))
      if (entry.path().filename().string().starts_with("collected-")) piles.push_back(entry.path());
    for (const fs::path& pile : piles) {
      collected.bytes += bytesBelow(pile);
      for (fs::recursive_directory_iterator walk(pile, code), end; !code && walk != end; walk.increment(code))
        if (walk->is_regular_file(code)) ++collected.files;
      fs::remove_all(pile, code);
    }
    return collected;
  }

 private:
  fs::path study_, folder_;
  std::size_t taken_ = 0;
};

// Rows marked deleted long enough ago lose their files and are evicted from then on.
Expected<void> collectDeleted(const Study::State& state, bool now, const std::vector<JobRow>& living,
                              std::int64_t revision, Pile& pile) {
  TRY(expired, state.artifacts("WHERE a.state = 'deleted' AND a.deleted <= ?",
                               {now ? std::string("9999") : utcDaysAgo(keptDays)}));
  for (const Artifact& artifact : expired) {
    // A living job may be reading it: its request names it.
    const bool inUse = std::any_of(living.begin(), living.end(), [&](const JobRow& job) {
      return orderNames(state.folder / "jobs" / job.job, artifact.id) ||
             orderNames(state.folder / "jobs" / job.request, artifact.id);
    });
    if (inUse) continue;
    for (const fs::path& path : place::presentAt(artifact.kind, artifact.id, state.folder)) TRY_DO(pile.take(path));
    TRY_DO(state.connection.run("UPDATE artifact SET state = 'evicted', revision = ? WHERE id = ?",
                                {revision, artifact.id}));
  }
  return {};
}

// What lies at an artifact's place and has no row, or one that was evicted.
Expected<void> collectWithoutRow(const Study::State& state, Pile& pile) {
  TRY(rows, state.artifacts("WHERE a.state <> 'evicted'"));
  std::set<fs::path> owned, folders;
  for (const Artifact& artifact : rows)
    for (const fs::path& path : place::presentAt(artifact.kind, artifact.id, state.folder)) owned.insert(path);
  for (int kind = 0; kind <= static_cast<int>(Kind::sheet); ++kind)
    folders.insert(state.folder / place::folderOf(static_cast<Kind>(kind)));
  for (const fs::path& folder : folders) {
    std::error_code code;
    std::vector<fs::path> garbage;
    for (const auto& entry : fs::directory_iterator(folder, code))
      if (isId(entry.path().stem().string()) && !owned.contains(entry.path())) garbage.push_back(entry.path());
    for (const fs::path& path : garbage) TRY_DO(pile.take(path));
  }
  return {};
}

// Folders of requests that are done, or that nobody resumed for 30 days; and records of jobs as old as that.
Expected<void> collectJobs(const Study& study, const Study::State& state, const std::vector<JobRow>& living,
                           Pile& pile) {
  std::error_code code;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(state.folder / "jobs", code))
    if (entry.is_directory(code)) folders.push_back(entry.path());
  for (const fs::path& folder : folders) {
    const std::string request = folder.filename().string();
    auto ofThisFolder = [&](const JobRow& job) { return job.request == request || job.job == request; };
    if (std::any_of(living.begin(), living.end(), ofThisFolder)) continue;
    TRY(outputs, study.outputsOf(request));
    const bool resumable = !outputs && lastChange(folder) > ::time(nullptr) - keptDays * secondsPerDay;
    if (!resumable) TRY_DO(pile.take(folder));
  }
  return {};
}

}  // namespace

Expected<std::vector<Study::Damage>> Study::check() const {
  std::vector<Damage> damages;
  const std::string file = catalogue::fileIn(state_->folder).string();
  auto report = [&](std::string_view pragma, const std::string& what) -> Expected<void> {
    TRY(rows, state_->connection.prepare(pragma));
    for (;;) {
      auto more = rows.next();
      // Damage that stops the check itself is damage.
      if (!more && more.error().kind == ErrorKind::input)
        return damages.push_back({more.error().message, file}), Expected<void>{};
      if (!more) return std::move(more).error();
      if (!*more) return {};
      if (rows.text(0) != "ok") damages.push_back({what + rows.text(0), file});
    }
  };
  TRY_DO(report("PRAGMA integrity_check(20)", "the catalogue is damaged: "));
  TRY_DO(report("PRAGMA foreign_key_check", "the catalogue has a row that points nowhere in its table "));
  TRY(artifacts, state_->artifacts("WHERE a.state <> 'evicted' ORDER BY a.rowid"));
  for (const Artifact& artifact : artifacts) {
    const std::string what = std::string(name(artifact.kind)) + " " + artifact.title();
    std::error_code code;
    const bool inside = artifact.path == state_->folder / place::pathOf(artifact.kind, artifact.id);
    if (!inside) {
      if (!fs::exists(artifact.path, code))
        damages.push_back({what + " is no longer where it was imported from", artifact.path.string()});
      continue;
    }
    if (!place::complete(artifact.kind, artifact.id, state_->folder)) {
      damages.push_back({what + " has a row and no file; run what made it again", artifact.path.string()});
      continue;
    }
    const auto id = place::idOfPlaced(artifact.kind, artifact.id, state_->folder);
    if (!id)
      damages.push_back({what + " cannot be read: " + id.error().message, artifact.path.string()});
    else if (*id != artifact.id)
      damages.push_back(
          {what + " was changed after it was committed: its content no longer has its id", artifact.path.string()});
  }
  return damages;
}

Expected<Study::Collected> Study::collect(bool now) {
  Pile pile(state_->folder);
  auto gather = [&](std::int64_t revision) -> Expected<void> {
    TRY(living, jobs());
    std::erase_if(living, [](const JobRow& job) { return !holdsOn(job); });
    TRY_DO(collectDeleted(*state_, now, living, revision, pile));
    TRY_DO(collectWithoutRow(*state_, pile));
    return collectJobs(*this, *state_, living, pile);
  };
  TRY_DO(state_->write(gather));
  return pile.burn();
}

}  // namespace moescope
