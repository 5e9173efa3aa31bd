// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/pack.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <map>
#include <set>
#include <span>
#include <vector>

#include "core/base/commit_point.h"
#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/base/process.h"
#include "core/study/archive.h"
#include "core/study/catalogue.h"
#include "core/study/place.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {

constexpr const char* catalogueName = "study.sqlite";
constexpr const char* sumsName = "SHA256SUMS";
constexpr std::uint64_t sumsMostBytes = 256u << 20;

// A copy of the catalogue that goes when this ends.
class CatalogueCopy {
 public:
  explicit CatalogueCopy(fs::path file) : file_(std::move(file)) {}
  CatalogueCopy(const CatalogueCopy&) = delete;
  CatalogueCopy& operator=(const CatalogueCopy&) = delete;
  ~CatalogueCopy() {
    std::error_code code;
    fs::remove(file_, code);
  }
  // As it is now, whatever others write meanwhile; jobs that have not ended stay with the study.
  Expected<void> take(const fs::path& study) const {
    TRY(from, catalogue::openForReading(study));
    TRY_DO(from.copyTo(file_));
    TRY(copy, sqlite::Connection::open(file_, sqlite::Opening::readWrite));
    return copy.run("DELETE FROM job WHERE state IN ('queued', 'running')");
  }
  const fs::path& file() const { return file_; }

 private:
  fs::path file_;
};

// Files and their paths in the archive, in the order of these.
using Files = std::map<std::string, fs::path>;

Expected<void> addTree(const fs::path& path, const fs::path& study, Files& files) {
  std::error_code code;
  const auto add = [&](const fs::path& file) { files.emplace(file.lexically_relative(study).generic_string(), file); };
  if (const auto link = place::linkAt(path))
    return inputError(link->string() + " is a link; a study is packed as files only", link->string());
  if (fs::is_regular_file(path, code)) return add(path), Expected<void>{};
  for (fs::recursive_directory_iterator walk(path, code), end; !code && walk != end; walk.increment(code))
    if (walk->is_regular_file(code)) add(walk->path());
  if (code) return systemError("list", path.string(), code.value());
  return {};
}

bool isExecutable(const fs::path& file) {
  std::error_code code;
  return (fs::status(file, code).permissions() & fs::perms::owner_exec) != fs::perms::none;
}

// The folder beside the study in which an archive is unpacked; removed unless it became the study. What an earlier
// process left that was killed goes first.
class Draft {
 public:
  explicit Draft(const fs::path& study) : beside_(parentOf(study)), stem_(nameOf(study) + ".unpacking-") {
    folder_ = beside_ / (stem_ + std::to_string(::getpid()));
    std::error_code code;
    std::vector<fs::path> left;
    for (const auto& entry : fs::directory_iterator(beside_, code)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with(stem_) && !processStart(std::atoll(name.c_str() + stem_.size())))
        left.push_back(entry.path());
    }
    for (const fs::path& folder : left) fs::remove_all(folder, code);
    fs::remove_all(folder_, code);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  ~Draft() {
    std::error_code code;
    if (!kept_) fs::remove_all(folder_, code);
  }
  const fs::path& folder() const { return folder_; }
  Expected<void> become(const fs::path& study) {
    std::error_code code;
    fs::rename(folder_, study, code);
    if (code == std::errc::directory_not_empty || code == std::errc::file_exists)
      return usageError(study.string() + " is not empty any more; unpack to another folder");
    if (code) return environmentError(systemError("make", study.string(), code.value()).message, study.string());
    kept_ = true;
    return syncFolder(beside_);
  }

 private:
  static fs::path withoutSlash(const fs::path& study) { return study.has_filename() ? study : study.parent_path(); }
  static fs::path parentOf(const fs::path& study) {
    const fs::path parent = withoutSlash(study).parent_path();
    return parent.empty() ? fs::path(".") : parent;
  }
  static std::string nameOf(const fs::path& study) { return withoutSlash(study).filename().string(); }
  fs::path beside_;
  std::string stem_;
  fs::path folder_;
  bool kept_ = false;
};

// What a packed study may hold at its top.
bool belongs(const std::string& name) {
  static const std::set<std::string> tops = [] {
    std::set<std::string> folders{"plugins"};
    for (int kind = 0; kind <= static_cast<int>(Kind::sheet); ++kind)
      folders.insert(place::folderOf(static_cast<Kind>(kind)));
    return folders;
  }();
  const std::size_t slash = name.find('/');
  return name == catalogueName || (slash != std::string::npos && tops.contains(name.substr(0, slash)));
}

// A file that was not there before; synced with all the others.
class NewFile {
 public:
  static Expected<NewFile> create(const fs::path& path, bool executable) {
    NewFile file(path);
    file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, executable ? 0777 : 0666);
    if (file.descriptor_ < 0) return file.failure("create");
    return file;
  }
  NewFile(NewFile&& other) noexcept
      : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
  NewFile& operator=(NewFile&&) = delete;
  ~NewFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  Expected<void> write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure("write");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }

 private:
  explicit NewFile(fs::path path) : path_(std::move(path)) {}
  Error failure(std::string_view what) const {
    return environmentError(systemError(what, path_.string(), errno).message, path_.string());
  }
  fs::path path_;
  int descriptor_ = -1;
};

Expected<std::string> extract(const ArchiveReader& archive, const ArchiveReader::Entry& entry, const fs::path& to) {
  TRY_DO(makeFolders(to.parent_path()));
  std::error_code code;
  if (fs::exists(fs::symlink_status(to, code)))
    return inputError(archive.file().path().string() + " holds " + entry.name + " twice",
                      archive.file().path().string(), entry.offset);
  Digest digest;
  TRY(file, NewFile::create(to, entry.executable));
  std::vector<std::byte> buffer(1u << 20);
  for (std::uint64_t done = 0; done < entry.bytes; done += buffer.size()) {
    const auto here = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), entry.bytes - done));
    TRY_DO(archive.file().read(entry.offset + done, here));
    digest.update(std::span<const std::byte>(here));
    TRY_DO(file.write(here));
  }
  return digest.hex();
}

std::string sumsText(const std::map<std::string, std::string>& sumByName) {
  std::string text;
  for (const auto& [name, sum] : sumByName) text += sum + "  " + name + "\n";
  return text;
}

// The models that lie elsewhere, among what the catalogue of `study` shows.
std::vector<Artifact> referencedIn(const std::vector<Artifact>& artifacts, const fs::path& study) {
  std::vector<Artifact> outside;
  for (const Artifact& artifact : artifacts)
    if (artifact.state == ArtifactState::present && artifact.path != study / place::pathOf(artifact.kind, artifact.id))
      outside.push_back(artifact);
  return outside;
}

// Damage that is in the study itself: a referenced model may well be on another machine.
Expected<void> requireSound(const Study& study, const std::string& doing, const std::string& advice) {
  TRY(artifacts, study.list(true));
  std::set<fs::path> outside;
  for (const Artifact& artifact : referencedIn(artifacts, study.folder())) outside.insert(artifact.path);
  TRY(damages, study.check());
  std::erase_if(damages, [&](const Study::Damage& damage) { return outside.contains(damage.file); });
  if (damages.empty()) return {};
  return inputError(doing + " is damaged in " + std::to_string(damages.size()) +
                        (damages.size() == 1 ? " place: " : " places: ") + damages.front().what + "; " + advice,
                    damages.front().file);
}

}  // namespace

Expected<Packed> packStudy(const fs::path& folder, const fs::path& file) {
  TRY(study, Study::open(folder, Study::Access::read));
  TRY_DO(requireSound(study, folder.string(), "`moescope-cli study repair " + folder.string() + "` comes first"));
  const CatalogueCopy copy(file.string() + ".catalogue" + std::to_string(::getpid()));
  TRY_DO(copy.take(folder));
  TRY(artifacts, study.list(true));
  Files files{{catalogueName, copy.file()}};
  for (const Artifact& artifact : artifacts) {
    if (artifact.state == ArtifactState::evicted) continue;
    for (const fs::path& path : place::presentAt(artifact.kind, artifact.id, folder))
      TRY_DO(addTree(path, folder, files));
  }
  std::error_code code;
  if (fs::is_directory(folder / "plugins", code)) TRY_DO(addTree(folder / "plugins", folder, files));

  Packed packed{.referenced = referencedIn(artifacts, folder)};
  TRY(archive, ArchiveWriter::create(file));
  std::map<std::string, std::string> sumByName;
  for (const auto& [name, path] : files) {
    TRY_ASSIGN(sumByName[name], archive.addFile(name, path, isExecutable(path)));
    ++packed.files;
    packed.bytes += fs::file_size(path, code);
  }
  TRY_DO(archive.addText(sumsName, sumsText(sumByName)));
  TRY_DO(archive.finish());
  return packed;
}

Expected<Packed> unpackStudy(const fs::path& file, const fs::path& folder) {
  std::error_code code;
  if (fs::exists(fs::symlink_status(folder, code)) && !(fs::is_directory(folder, code) && fs::is_empty(folder, code)))
    return usageError(folder.string() + " is there already and not empty; unpack to another folder");
  TRY(archive, ArchiveReader::open(file));
  Draft draft(folder);
  TRY_DO(makeFolders(draft.folder()));
  Packed packed;
  std::map<std::string, std::string> sumByName;
  std::optional<std::string> sums;
  for (;;) {
    TRY(entry, archive.next());
    if (!entry) break;
    const std::string& name = entry->name;
    if (sums) return inputError(file.string() + " goes on after its sums", file.string(), entry->offset);
    if (name == sumsName) {
      if (entry->bytes > sumsMostBytes) return inputError(file.string() + " has too many sums", file.string());
      sums.emplace(static_cast<std::size_t>(entry->bytes), '\0');
      TRY_DO(archive.file().read(entry->offset, std::as_writable_bytes(std::span(*sums))));
      continue;
    }
    if (!belongs(name))
      return inputError(
          file.string() + " holds " + name + ", which is no part of a study; it was not packed by Moescope",
          file.string(), entry->offset);
    TRY_ASSIGN(sumByName[name], extract(archive, *entry, draft.folder() / name));
    ++packed.files;
    packed.bytes += entry->bytes;
  }
  if (!sums)
    return inputError(
        file.string() + " has no " + std::string(sumsName) + " at its end; it is no packed study, or cut short",
        file.string());
  if (*sums != sumsText(sumByName))
    return inputError(file.string() + " is damaged: its files are not what its " + std::string(sumsName) + " says",
                      file.string());
  pass(CommitPoint::unpackWritten);
  {
    TRY(study, Study::open(draft.folder(), Study::Access::read));
    TRY_DO(requireSound(study, "the study in " + file.string(), "ask for it again"));
    TRY(artifacts, study.list());
    packed.referenced = referencedIn(artifacts, draft.folder());
  }
  TRY_DO(syncTree(draft.folder()));
  pass(CommitPoint::unpackChecked);
  TRY_DO(draft.become(folder));
  return packed;
}

}  // namespace moescope
