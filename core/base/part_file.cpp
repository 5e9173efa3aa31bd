// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/part_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "core/base/commit_point.h"

namespace moescope {

PartFile::PartFile(std::filesystem::path path)
    : path_(std::move(path)), part_(path_.string() + ".part" + std::to_string(::getpid())) {}
PartFile::PartFile(PartFile&& other) noexcept
    : path_(std::move(other.path_)), part_(std::move(other.part_)), descriptor_(std::exchange(other.descriptor_, -1)) {}
PartFile::~PartFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(part_.c_str());
}

Expected<PartFile> PartFile::create(std::filesystem::path path) {
  PartFile file(std::move(path));
  file.descriptor_ = ::open(file.part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file.descriptor_ < 0) return file.failure("create", errno);
  return file;
}

Error PartFile::failure(std::string_view what, int code) const {
  return environmentError(systemError(what, path_.string(), code).message, path_.string());
}

Expected<void> PartFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return failure("write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return {};
}

Expected<void> PartFile::copy(const InputFile& from, std::uint64_t offset, std::uint64_t bytes) {
  constexpr std::uint64_t block = 8 << 20;
  std::vector<std::byte> buffer(std::min(block, bytes));
  for (std::uint64_t done = 0; done < bytes; done += buffer.size()) {
    const std::span<std::byte> here = std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), bytes - done));
    TRY_DO(from.readOnce(offset + done, here));
    TRY_DO(write(here));
  }
  return {};
}

Expected<void> PartFile::finish() {
  if (::fsync(descriptor_) != 0) return failure("fsync", errno);
  pass(CommitPoint::fileWritten);
  if (::rename(part_.c_str(), path_.c_str()) != 0) return failure("rename", errno);
  ::close(std::exchange(descriptor_, -1));
  pass(CommitPoint::fileRenamed);
  return syncFolder(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
}

}  // namespace moescope
