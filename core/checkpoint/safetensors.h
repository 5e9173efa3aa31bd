// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

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
  std::uint64_t bytes;    // of one element
};
const Dtype* findDtype(std::string_view name);  // null for an unknown one

// One tensor of a file; its bytes lie at `offset`, little-endian and row-major.
struct StoredTensor {
  std::string name;
  const Dtype* dtype = nullptr;
  std::vector<std::int64_t> shape;
  std::uint64_t offset = 0, bytes = 0;
};

// A safetensors file. The header is checked against the file before anything is believed: sizes by checked arithmetic,
// data without hole or overlap from the header's end to the file's end, no name twice. Nothing is mapped. Reading: any
// thread.
class SafetensorsFile {
 public:
  static Expected<SafetensorsFile> open(const std::filesystem::path& path);
  const std::filesystem::path& path() const { return file_.path(); }
  const std::map<std::string, StoredTensor, std::less<>>& tensors() const { return tensors_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // Fills all of `into`, which is as long as the tensor.
  Expected<void> read(const StoredTensor& tensor, std::span<std::byte> into) const;

 private:
  explicit SafetensorsFile(InputFile file) : file_(std::move(file)) {}
  InputFile file_;
  std::map<std::string, StoredTensor, std::less<>> tensors_;
  std::map<std::string, std::string> metadata_;
};

// What is to be written: `bytes` is called once, in order of the names, and its view is used at once.
struct TensorSource {
  std::string name;
  std::string_view dtype = "F32";
  std::vector<std::int64_t> shape;
  std::function<Expected<std::span<const std::byte>>()> bytes;
};

// Writes a temporary file beside `path`, fsyncs, renames. Equal tensors give equal bytes.
Expected<void> writeSafetensors(const std::filesystem::path& path, std::vector<TensorSource> tensors);

}  // namespace moescope
