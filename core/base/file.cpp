// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/base/commit_point.h"

namespace moescope {

namespace fs = std::filesystem;

InputFile::InputFile(int descriptor, std::uint64_t size, fs::path path)
    : descriptor_(descriptor), size_(size), path_(std::move(path)) {}
InputFile::InputFile(InputFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_), path_(std::move(other.path_)) {}
InputFile& InputFile::operator=(InputFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  std::swap(path_, other.path_);
  return *this;
}
InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Expected<InputFile> InputFile::open(const fs::path& path) {
  return open(path, path);
}

Expected<InputFile> InputFile::open(const fs::path& path, fs::path shown) {
  // A pipe of that name would otherwise wait for its writer, and a terminal become ours.
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor < 0) return systemError("open", shown.string(), errno);
  struct stat status{};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    return inputError(shown.string() + " is not a regular file", shown.string());
  }
  return InputFile(descriptor, static_cast<std::uint64_t>(status.st_size), std::move(shown));
}

Expected<std::int64_t> InputFile::changed() const {
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) return systemError("read the time of", path_.string(), errno);
  return status.st_mtim.tv_sec * std::int64_t{1'000'000'000} + status.st_mtim.tv_nsec;
}

Expected<std::size_t> InputFile::readSome(std::uint64_t offset, std::span<std::byte> into) const {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count =
        ::pread(descriptor_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return systemError("read", path_.string(), errno);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

Expected<void> InputFile::read(std::uint64_t offset, std::span<std::byte> into) const {
  TRY(done, readSome(offset, into));
  if (done != into.size())
    return inputError(path_.string() + " ends at byte " + std::to_string(offset + done) + ", expected " +
                          std::to_string(offset + into.size()) + "; it is truncated: fetch it again",
                      path_.string(), offset + done);
  return {};
}

Expected<void> InputFile::readOnce(std::uint64_t offset, std::span<std::byte> into) const {
  constexpr std::size_t block = 8 << 20;
  for (std::size_t done = 0; done < into.size(); done += block) {
    const std::span<std::byte> here = into.subspan(done, std::min(block, into.size() - done));
    TRY_DO(read(offset + done, here));
    forget(offset + done, here.size());
  }
  return {};
}

void InputFile::forget(std::uint64_t offset, std::uint64_t bytes) const {
  // The kernel keeps pages in groups of up to 2 MiB and drops whole groups only: begin where one may begin.
  constexpr std::uint64_t group = 2 << 20;
  const std::uint64_t from = offset / group * group;
  ::posix_fadvise(descriptor_, static_cast<off_t>(from), static_cast<off_t>(offset + bytes - from),
                  POSIX_FADV_DONTNEED);
}

Expected<std::string> readFile(const fs::path& path, std::uint64_t maximumBytes) {
  TRY(file, InputFile::open(path));
  if (file.size() > maximumBytes)
    return inputError(path.string() + " has " + std::to_string(file.size()) + " bytes, more than the " +
                          std::to_string(maximumBytes) + " allowed here",
                      path.string());
  std::string bytes(file.size(), '\0');
  TRY_DO(file.read(0, std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

Expected<void> writeFileSafely(const fs::path& path, std::string_view bytes) {
  const fs::path temporary = path.string() + ".part" + std::to_string(::getpid());
  const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return systemError("create", temporary.string(), errno);
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t count = ::write(descriptor, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int code = errno;
      ::close(descriptor);
      ::unlink(temporary.c_str());
      return environmentError(systemError("write", path.string(), code).message, path.string());
    }
    done += static_cast<std::size_t>(count);
  }
  const int synced = ::fsync(descriptor);
  const int code = errno;
  ::close(descriptor);
  if (synced == 0) pass(CommitPoint::fileWritten);
  if (synced != 0 || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const Error error = systemError("write", path.string(), synced != 0 ? code : errno);
    ::unlink(temporary.c_str());
    return error;
  }
  pass(CommitPoint::fileRenamed);
  return syncFolder(path.has_parent_path() ? path.parent_path() : fs::path("."));
}

Expected<void> syncFile(const fs::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return systemError("open", path.string(), errno);
  const int result = ::fsync(descriptor);
  const int code = errno;
  ::close(descriptor);
  // Some file systems cannot fsync a folder; their rename is as durable as they get.
  if (result != 0 && code != EINVAL && code != EROFS) return environmentError(systemError("fsync", path.string(), code).message, path.string());
  return {};
}

Expected<void> syncFolder(const fs::path& path) { return syncFile(path); }

Expected<void> syncTree(const fs::path& path) {
  std::error_code code;
  if (!fs::is_directory(path, code)) return syncFile(path);
  std::vector<fs::path> folders{path};
  for (fs::recursive_directory_iterator walk(path, code), end; !code && walk != end; walk.increment(code)) {
    if (walk->is_directory()) folders.push_back(walk->path());
    else if (walk->is_regular_file()) TRY_DO(syncFile(walk->path()));
  }
  if (code) return systemError("list", path.string(), code.value());
  for (const fs::path& folder : folders) TRY_DO(syncFolder(folder));
  return {};
}

Expected<void> makeFolders(const fs::path& path) {
  std::error_code code;
  fs::create_directories(path, code);
  if (code) return systemError("create folder", path.string(), code.value());
  return {};
}

std::uint64_t bytesBelow(const fs::path& path) {
  std::error_code code;
  if (fs::is_regular_file(path, code)) return fs::file_size(path, code);
  std::uint64_t bytes = 0;
  for (fs::recursive_directory_iterator walk(path, code), end; !code && walk != end; walk.increment(code))
    if (walk->is_regular_file(code)) bytes += walk->file_size(code);
  return bytes;
}

}  // namespace moescope
