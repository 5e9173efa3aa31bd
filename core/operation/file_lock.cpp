// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace moescope {

Expected<std::optional<FileLock>> FileLock::tryTake(const std::filesystem::path& file) {
  while (true) {
    FileLock lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
    if (lock.descriptor_ < 0) return systemError("open", file.string(), errno);
    if (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EINTR) continue;
      if (errno == EWOULDBLOCK) return std::optional<FileLock>{};
      return systemError("lock", file.string(), errno);
    }
    // The last holder may have removed the file between our open and our lock; then we hold nothing that others see.
    struct stat ours {
    }, there{};
    if (::fstat(lock.descriptor_, &ours) == 0 && ::stat(file.c_str(), &there) == 0 && ours.st_ino == there.st_ino)
      return std::optional<FileLock>(std::move(lock));
  }
}

FileLock::~FileLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace moescope
