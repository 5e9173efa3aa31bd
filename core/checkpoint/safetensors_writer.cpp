// SPDX-License-Identifier: GPL-3.0-or-later
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "core/checkpoint/safetensors.h"

namespace moescope {
namespace {

// A file that is only there under its name once all of it is on the disk.
class PartFile {
 public:
  explicit PartFile(std::filesystem::path path)
      : path_(std::move(path)), part_(path_.string() + ".part" + std::to_string(::getpid())) {
    descriptor_ = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  }
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile() {
    if (descriptor_ < 0) return;
    ::close(descriptor_);
    ::unlink(part_.c_str());
  }
  bool open() const { return descriptor_ >= 0; }

  Expected<void> write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(descriptor_, bytes.data(), std::min<std::size_t>(bytes.size(), 1u << 30));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return failure("write");
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return {};
  }
  Expected<void> finish() {
    if (::fsync(descriptor_) != 0) return failure("fsync");
    if (::rename(part_.c_str(), path_.c_str()) != 0) return failure("rename");
    ::close(descriptor_);
    descriptor_ = -1;
    return syncFolder(path_.has_parent_path() ? path_.parent_path() : std::filesystem::path("."));
  }
  Error failure(std::string_view what) const {
    return environmentError(systemError(what, path_.string(), errno).message, path_.string());
  }

 private:
  std::filesystem::path path_, part_;
  int descriptor_ = -1;
};

Expected<std::string> headerOf(const std::vector<TensorSource>& tensors) {
  Json header = Json::object();
  header["__metadata__"] = {{"format", "pt"}};
  std::uint64_t offset = 0;
  for (const TensorSource& tensor : tensors) {
    const Dtype* dtype = findDtype(tensor.dtype);
    const std::optional<std::uint64_t> bytes = dtype ? bytesOf(*dtype, tensor.shape) : std::nullopt;
    if (!bytes || header.contains(tensor.name))
      return bugError(fmt::format("tensor \"{}\" cannot be written: its type, shape or name is wrong", tensor.name));
    const std::uint64_t end = offset + *bytes;
    header[tensor.name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // so that the data are aligned
  return text;
}

}  // namespace

Expected<void> writeSafetensors(const std::filesystem::path& path, std::vector<TensorSource> tensors) {
  std::sort(tensors.begin(), tensors.end(),
            [](const TensorSource& a, const TensorSource& b) { return a.name < b.name; });
  TRY(header, headerOf(tensors));
  PartFile file(path);
  if (!file.open()) return file.failure("create");
  std::array<std::byte, 8> length{};
  for (std::size_t i = 0; i < length.size(); ++i) length[i] = static_cast<std::byte>(header.size() >> (8 * i) & 0xff);
  TRY_DO(file.write(length));
  TRY_DO(file.write(std::as_bytes(std::span(header))));
  for (const TensorSource& tensor : tensors) {
    TRY(bytes, tensor.bytes());
    if (bytes.size() != bytesOf(*findDtype(tensor.dtype), tensor.shape))
      return bugError(
          fmt::format("tensor \"{}\" gave {} bytes, which its shape does not ask for", tensor.name, bytes.size()));
    TRY_DO(file.write(bytes));
  }
  return file.finish();
}

}  // namespace moescope
