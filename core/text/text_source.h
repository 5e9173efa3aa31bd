// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "core/base/expected.h"

namespace moescope {

// The bytes of a file (or of a text that is there already) from start to end, decompressed where it is gzip (RFC 1952).
// Input errors name file and offset.
class TextSource {
 public:
  static Expected<TextSource> open(const std::filesystem::path& path);
  static TextSource ofText(std::string text);
  TextSource(TextSource&&) noexcept;
  TextSource& operator=(TextSource&&) noexcept;
  ~TextSource();
  bool compressed() const;
  Expected<std::size_t> read(std::span<char> into);  // 0 at the end
  void rewind();

 private:
  struct State;
  explicit TextSource(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace moescope
