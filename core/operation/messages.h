// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

// Appends whole lines to a file that others follow while it grows. Any thread.
class MessageWriter {
 public:
  static Expected<MessageWriter> open(const std::filesystem::path& file);
  MessageWriter(MessageWriter&& other) noexcept;
  ~MessageWriter();
  void write(std::string_view line);  // without its newline; one write, so that lines of several writers never mix
  void write(const Json& message);

 private:
  explicit MessageWriter(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

// Reads the complete lines that were added to such a file since the last look. A file that is not there yet has none.
class MessageReader {
 public:
  explicit MessageReader(std::filesystem::path file) : file_(std::move(file)) {}
  // At most about `maximumBytes` of lines at a time; `more()` says that there were more.
  std::vector<std::string> read(std::size_t maximumBytes = 4u << 20);
  bool more() const { return more_; }

 private:
  std::filesystem::path file_;
  std::uint64_t offset_ = 0;
  bool more_ = false;
};

}  // namespace moescope
