// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/base/expected.h"

namespace moescope {

// A file open for reading with pread; never mapped, so a truncated file is an error and not a signal. Any thread.
class InputFile {
 public:
  static Expected<InputFile> open(const std::filesystem::path& path);
  // The same for a file that goes by another name in errors and in path(): a link whose end was looked up.
  static Expected<InputFile> open(const std::filesystem::path& path, std::filesystem::path shown);
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&& other) noexcept;
  ~InputFile();

  std::uint64_t size() const { return size_; }  // bytes, when opened
  const std::filesystem::path& path() const { return path_; }
  Expected<std::int64_t> changed() const;  // when its bytes last changed, nanoseconds since 1970
  // Fills as much of `into` as the file has from `offset`; 0 at the end.
  Expected<std::size_t> readSome(std::uint64_t offset, std::span<std::byte> into) const;
  // Fills all of `into`, or an input error that names the file and the offset where it ended.
  Expected<void> read(std::uint64_t offset, std::span<std::byte> into) const;
  // The same in blocks of a few megabytes that leave the page cache as soon as they were read: what is large and read
  // once must not push out what others use.
  Expected<void> readOnce(std::uint64_t offset, std::span<std::byte> into) const;
  // What was read may leave the page cache.
  void forget(std::uint64_t offset, std::uint64_t bytes) const;

 private:
  InputFile(int descriptor, std::uint64_t size, std::filesystem::path path);
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::filesystem::path path_;
};

Expected<std::string> readFile(const std::filesystem::path& path, std::uint64_t maximumBytes = UINT64_MAX);

// Writes a temporary file beside `path`, fsyncs, renames over `path`, fsyncs the folder: all of it is there, or nothing.
Expected<void> writeFileSafely(const std::filesystem::path& path, std::string_view bytes);

Expected<void> syncFile(const std::filesystem::path& path);
Expected<void> syncFolder(const std::filesystem::path& path);
// fsyncs every file below `path`, then every folder.
Expected<void> syncTree(const std::filesystem::path& path);
Expected<void> makeFolders(const std::filesystem::path& path);
std::uint64_t bytesBelow(const std::filesystem::path& path);

}  // namespace moescope
