// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "core/base/file.h"

namespace moescope {

// A file being written beside `path`, which is there under its name only once all of it is on the disk: finish() fsyncs
// and renames. Without it nothing is left. Environment errors name `path`.
class PartFile {
 public:
  static Expected<PartFile> create(std::filesystem::path path);
  PartFile(PartFile&& other) noexcept;
  PartFile& operator=(PartFile&&) = delete;
  ~PartFile();

  Expected<void> write(std::span<const std::byte> bytes);
  // Copies a piece of another file in blocks of 8 MiB, which leave the page cache as soon as they were read.
  Expected<void> copy(const InputFile& from, std::uint64_t offset, std::uint64_t bytes);
  Expected<void> finish();

 private:
  explicit PartFile(std::filesystem::path path);
  Error failure(std::string_view what, int code) const;
  std::filesystem::path path_, part_;
  int descriptor_ = -1;
};

}  // namespace moescope
