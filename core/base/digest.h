// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/base/expected.h"

namespace moescope {

// SHA-256, fed in pieces; hex() ends it: 64 lower-case digits.
class Digest {
 public:
  Digest();
  ~Digest();
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  Digest& update(std::string_view bytes);
  Digest& update(std::span<const std::byte> bytes);
  std::string hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256(std::string_view bytes);
Expected<std::string> sha256OfFile(const std::filesystem::path& path);

// The id of a folder's (or single file's) content: SHA-256 over the sorted lines "path SHA-256\n", paths relative to it;
// `moescope.json` and `timing.*` do not count (contract section 3). A single file counts under its extension ("content.h5").
Expected<std::string> contentDigest(const std::filesystem::path& folderOrFile);

}  // namespace moescope
