// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/file.h"

namespace moescope {

// Element types of a checkpoint, as safetensors names them.
struct Dtype {
  std::string_view name;  // "F32"
  std::uint64_t bits;     // of one element: 4 and 6 for those below a byte
};
const Dtype* findDtype(std::string_view name);  // null for an unknown one
// Bytes of that many elements; nothing where they overflow or do not fill their last byte.
std::optional<std::uint64_t> bytesOf(const Dtype& dtype, std::span<const std::int64_t> shape);

// The extents of a stored tensor, outermost first; a view.
class Shape : public std::span<const std::int64_t> {
 public:
  using std::span<const std::int64_t>::span;
  operator std::vector<std::int64_t>() const { return {begin(), end()}; }
  friend bool operator==(Shape left, Shape right) {
    return std::equal(left.begin(), left.end(), right.begin(), right.end());
  }
};

// One tensor of a file; its bytes lie at `offset` of the file, little-endian and row-major. Name and shape live as long
// as the file.
struct StoredTensor {
  std::string_view name;
  const Dtype* dtype = nullptr;
  Shape shape = {};
  std::uint64_t offset = 0, bytes = 0;
};

// A safetensors file. Its header is checked against the file before anything is believed, as strictly as the reference
// reader and more so (no name twice): sizes by checked arithmetic, data without hole or overlap from the header's end
// to the file's end. Nothing is mapped. Reading: any thread.
class SafetensorsFile {
 public:
  static constexpr std::uint64_t longestHeader = 100'000'000;  // bytes, as the reference reader
  static Expected<SafetensorsFile> open(const std::filesystem::path& path);
  static Expected<SafetensorsFile> open(InputFile file);

  const std::filesystem::path& path() const { return file_.path(); }
  const InputFile& file() const { return file_; }
  std::uint64_t dataStart() const { return dataStart_; }              // where the header ends
  std::span<const StoredTensor> tensors() const { return tensors_; }  // by name
  const StoredTensor* find(std::string_view name) const;
  // The strings under __metadata__, read again from the file.
  Expected<std::map<std::string, std::string>> metadata() const;
  // Fills all of `into`, which is as long as the tensor; or a part of it, from its byte `from` on.
  Expected<void> read(const StoredTensor& tensor, std::span<std::byte> into) const;
  Expected<void> read(const StoredTensor& tensor, std::uint64_t from, std::span<std::byte> into) const;

 private:
  friend class HeaderReader;
  explicit SafetensorsFile(InputFile file) : file_(std::move(file)) {}
  InputFile file_;
  std::uint64_t dataStart_ = 0;
  std::uint64_t metadataAt_ = 0, metadataBytes_ = 0;  // the object in the file
  std::unique_ptr<char[]> header_;                    // names point into it
  std::vector<std::int64_t> extents_;                 // shapes point into it
  std::vector<StoredTensor> tensors_;
};

// What is to be written: `bytes` is called once, wide types first and then by name, and its view is used at once.
struct TensorSource {
  std::string name;
  std::string_view dtype = "F32";
  std::vector<std::int64_t> shape;
  std::function<Expected<std::span<const std::byte>>()> bytes;
};

// Writes a temporary file beside `path`, fsyncs, renames. Equal tensors give equal bytes.
Expected<void> writeSafetensors(const std::filesystem::path& path, std::vector<TensorSource> tensors);

}  // namespace moescope
