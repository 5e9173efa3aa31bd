// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <new>
#include <vector>

#include "core/base/file.h"

namespace moescope {

struct Digest::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() {
    if (context != nullptr && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1) return;
    EVP_MD_CTX_free(context);
    throw std::bad_alloc();  // it fails for no other reason
  }
  ~State() { EVP_MD_CTX_free(context); }
};

Digest::Digest() : state_(std::make_unique<State>()) {}
Digest::~Digest() = default;
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;

Digest& Digest::update(std::string_view bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
  return *this;
}

Digest& Digest::update(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
  return *this;
}

std::string Digest::hex() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned int length = 0;
  EVP_DigestFinal_ex(state_->context, bytes, &length);
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * length);
  for (unsigned int at = 0; at < length; ++at) {
    text += digits[bytes[at] >> 4];
    text += digits[bytes[at] & 15];
  }
  return text;
}

std::string sha256(std::string_view bytes) { return Digest().update(bytes).hex(); }

Expected<std::string> sha256OfFile(const std::filesystem::path& path) {
  TRY(file, InputFile::open(path));
  Digest digest;
  std::vector<std::byte> buffer(1u << 20);
  for (std::uint64_t offset = 0;;) {
    TRY(count, file.readSome(offset, buffer));
    if (count == 0) break;
    digest.update(std::span<const std::byte>(buffer).first(count));
    offset += count;
  }
  return digest.hex();
}

Expected<std::string> contentDigest(const std::filesystem::path& folderOrFile) {
  namespace fs = std::filesystem;
  std::error_code code;
  std::vector<std::string> lines;
  auto add = [&](const fs::path& file, const std::string& shown) -> Expected<void> {
    TRY(hex, sha256OfFile(file));
    lines.push_back(shown + " " + hex + "\n");
    return {};
  };
  if (fs::is_directory(folderOrFile, code)) {
    fs::recursive_directory_iterator walk(folderOrFile, code), end;
    if (code) return systemError("list", folderOrFile.string(), code.value());
    for (; walk != end; walk.increment(code)) {
      if (code) return systemError("list", folderOrFile.string(), code.value());
      if (!walk->is_regular_file()) continue;
      const std::string shown = walk->path().lexically_relative(folderOrFile).generic_string();
      const std::string file = walk->path().filename().string();
      if (file == "moescope.json" || file.starts_with("timing.")) continue;
      TRY_DO(add(walk->path(), shown));
    }
  } else {
    TRY_DO(add(folderOrFile, "content" + folderOrFile.extension().string()));
  }
  std::sort(lines.begin(), lines.end());
  Digest digest;
  for (const std::string& line : lines) digest.update(line);
  return digest.hex();
}

}  // namespace moescope
