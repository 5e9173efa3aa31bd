// SPDX-License-Identifier: GPL-3.0-or-later
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <set>

#include "core/base/commit_point.h"
#include "core/base/file.h"
#include "core/base/process.h"
#include "core/study/place.h"
#include "core/study/study_state.h"

// `study gc`, in two transactions: the first one says that what was removed long ago is evicted, the second one takes
// what then has no row. Killed at any moment, files may be there that nobody needs, and never a row without its files.
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
    pass(CommitPoint::garbageTaken);
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
      pass(CommitPoint::garbageCounted);
      fs::remove_all(pile, code);
    }
    return collected;
  }

 private:
  fs::path study_, folder_;
  std::size_t taken_ = 0;
};

// Rows marked deleted long enough ago are evicted: their files have no owner from then on.
Expected<void> evictDeleted(const Study::State& state, bool now, const std::vector<JobRow>& living,
                            std::int64_t revision) {
  TRY(expired, state.artifacts("WHERE a.state = 'deleted' AND a.deleted <= ?",
                               {now ? std::string("9999") : utcDaysAgo(keptDays)}));
  for (const Artifact& artifact : expired) {
    // A living job may be reading it: its request names it.
    const bool inUse = std::any_of(living.begin(), living.end(), [&](const JobRow& job) {
      return orderNames(state.folder / "jobs" / fs::path(job.job).filename(), artifact.id) ||
             orderNames(state.folder / "jobs" / fs::path(job.request).filename(), artifact.id);
    });
    if (inUse) continue;
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
      if (place::isId(entry.path().stem().string()) && !owned.contains(entry.path())) garbage.push_back(entry.path());
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

Expected<Study::Collected> Study::collect(bool now) {
  // What a study of somebody else calls its own folders may be a link to folders of ours.
  for (const char* own : {"jobs", "scratch"}) {
    std::error_code code;
    const fs::path folder = state_->folder / own;
    if (fs::is_symlink(fs::symlink_status(folder, code)))
      return inputError(folder.string() + " is a link; nothing is removed through it: put a folder in its place",
                        folder.string());
  }
  Pile pile(state_->folder);
  auto living = [this]() -> Expected<std::vector<JobRow>> {
    TRY(rows, jobs());
    std::erase_if(rows, [](const JobRow& job) { return !holdsOn(job); });
    return rows;
  };
  auto evict = [&](std::int64_t revision) -> Expected<void> {
    TRY(holding, living());
    return evictDeleted(*state_, now, holding, revision);
  };
  TRY_DO(state_->write(evict));
  pass(CommitPoint::garbageEvicted);
  auto gather = [&](std::int64_t) -> Expected<void> {
    TRY(holding, living());
    TRY_DO(collectWithoutRow(*state_, pile));
    return collectJobs(*this, *state_, holding, pile);
  };
  TRY_DO(state_->write(gather));
  return pile.burn();
}

}  // namespace moescope
