// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/file.h"

// A tar file (POSIX.1-2001, "pax") of regular files: what any `tar` unpacks, and nothing else is read. One file at a
// time is in memory, in blocks.
namespace moescope {

class ArchiveWriter {
 public:
  // Written beside `path`, which is there once finish() has synced and renamed it.
  static Expected<ArchiveWriter> create(const std::filesystem::path& path);
  ArchiveWriter(ArchiveWriter&&) noexcept;
  ~ArchiveWriter();
  // Gives the SHA-256 of what was added. `name` is relative, with '/'.
  Expected<std::string> addFile(const std::string& name, const std::filesystem::path& file, bool executable);
  Expected<void> addText(const std::string& name, std::string_view text);
  Expected<void> finish();

 private:
  struct State;
  explicit ArchiveWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Reads an archive of anybody: names that lead out of a folder, links, devices and false sizes are input errors with
// their offset.
class ArchiveReader {
 public:
  static Expected<ArchiveReader> open(const std::filesystem::path& path);
  struct Entry {
    std::string name;
    std::uint64_t offset = 0, bytes = 0;  // of its content in the archive
    bool executable = false;
  };
  Expected<std::optional<Entry>> next();  // nothing at the end
  const InputFile& file() const { return file_; }

 private:
  explicit ArchiveReader(InputFile file) : file_(std::move(file)) {}
  Error wrong(std::uint64_t offset, const std::string& what) const;
  Expected<std::string> longName(std::uint64_t bytes);
  InputFile file_;
  std::uint64_t at_ = 0;
};

}  // namespace moescope
