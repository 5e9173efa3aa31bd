// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.h"

// A thin owner of HDF5's C handles: no object times (equal content, equal bytes), locking off, every size from a file
// checked. HDF5 is one global lock: calls may come from any thread, one at a time; nothing is computed while it is
// held.
namespace moescope::hdf5 {

enum class Type { int8, uint8, uint16, int32, uint32, int64, uint64, float16, float32, float64, other };
std::size_t sizeOf(Type type);
template <class T>
Type typeOf();  // of the C++ types above (not float16: stored from and read as float)

class File;

// What a dataset is, without its values.
struct Shape {
  Type type = Type::other;
  std::vector<std::uint64_t> extent;  // rank 0-8
  std::uint64_t count() const;        // product (checked when the file was read)
};

// An open file. Paths are absolute inside it: "/tokens/id"; missing groups are made when writing.
class File {
 public:
  static Expected<File> create(const std::filesystem::path& path);  // truncates
  static Expected<File> open(const std::filesystem::path& path);    // read only; only what this program wrote
  // Read only, and variable-length strings are read too. HDF5 itself (1.10) can crash on a damaged heap of them: in a
  // process of its own only, never where the window lives.
  static Expected<File> openForeign(const std::filesystem::path& path);
  static Expected<File> append(const std::filesystem::path& path);  // read and write
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();
  Expected<void> close();  // flushes; reports a full disk, which the destructor cannot

  bool has(const std::string& path) const;
  std::vector<std::string> children(const std::string& group) const;  // sorted names
  Expected<Shape> shape(const std::string& path) const;

  // Whole dataset at once; `compressed` = chunks along the first axis, shuffle and deflate 4.
  template <class T>
  Expected<void> write(const std::string& path, std::span<const T> values, std::vector<std::uint64_t> extent,
                       bool compressed = false);
  Expected<void> writeFloat16(const std::string& path, std::span<const float> values,
                              std::vector<std::uint64_t> extent);
  // Makes an empty dataset that grows along its first axis, in chunks of `chunkRows`, and adds rows to it.
  Expected<void> makeGrowing(const std::string& path, Type type, std::vector<std::uint64_t> rowExtent,
                             std::uint64_t chunkRows, bool compressed = false);
  template <class T>
  Expected<void> appendRows(const std::string& path,
                            std::span<const T> values);  // float values convert to a float16 dataset

  // Reads convert numbers to T (a value that does not fit is an input error only where HDF5 says so).
  // Refuses more than `maximumCount` values, so that a false extent never allocates.
  template <class T>
  Expected<std::vector<T>> read(const std::string& path, std::uint64_t maximumCount = 1ull << 31) const;
  template <class T>
  Expected<std::vector<T>> readRows(const std::string& path, std::uint64_t first, std::uint64_t count) const;

  // UTF-8 without NUL, padded to the longest and deflated when that is much: no heap, so nothing in it can be damaged.
  Expected<void> writeStrings(const std::string& path, std::span<const std::string> values);
  Expected<void> writeHeapStrings(const std::string& path, std::span<const std::string> values);  // variable length
  Expected<std::vector<std::string>> readStrings(const std::string& path,
                                                 std::uint64_t maximumCount = 1ull << 26) const;

  // Attributes of the object at `path` ("/" for the file).
  Expected<void> setAttribute(const std::string& path, const std::string& name, const std::string& value);
  Expected<void> setAttribute(const std::string& path, const std::string& name, std::int64_t value);
  Expected<void> setAttribute(const std::string& path, const std::string& name, double value);
  bool hasAttribute(const std::string& path, const std::string& name) const;
  Expected<std::string> text(const std::string& path, const std::string& name) const;
  Expected<std::int64_t> integer(const std::string& path, const std::string& name) const;
  Expected<double> real(const std::string& path, const std::string& name) const;

  const std::filesystem::path& path() const { return path_; }

 private:
  File(std::int64_t handle, std::filesystem::path path) : handle_(handle), path_(std::move(path)) {}
  std::int64_t handle_ = -1;
  std::filesystem::path path_;
  bool foreign_ = false;
};

}  // namespace moescope::hdf5
