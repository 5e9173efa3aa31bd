// SPDX-License-Identifier: GPL-3.0-or-later
// Datasets of text.
#include <algorithm>
#include <cstring>

#include "core/base/checked.h"
#include "core/study/hdf5_handle.h"

namespace moescope::hdf5 {

namespace {

constexpr std::uint64_t mostText = 1ull << 30;  // padded bytes of one dataset

// What H5Screate_simple wants of one axis.
Handle column(std::uint64_t count) {
  const hsize_t extent = count;
  return Handle(H5Screate_simple(1, &extent, nullptr));
}

Expected<Handle> makeDataset(hid_t file, const std::filesystem::path& name, const std::string& path, hid_t type,
                             std::uint64_t count, hid_t creation) {
  TRY_DO(makeParents(file, name, path));
  Handle set(H5Dcreate2(file, path.c_str(), type, column(count), H5P_DEFAULT, creation, H5P_DEFAULT));
  if (!set.valid()) return failed(name, "create", path);
  return set;
}

Expected<std::vector<std::string>> readPadded(const Opened& opened, const std::filesystem::path& name,
                                              const std::string& path) {
  const std::uint64_t count = opened.shape.count();
  const std::size_t width = H5Tget_size(opened.type);
  const auto total = checkedMultiply<std::uint64_t>(width, count);
  if (!total || *total > mostText)
    return inputError("dataset " + path + " in " + name.string() + " claims too much text", name.string());
  TRY_DO(checkStorage(opened, name, path));
  std::vector<char> bytes(*total);
  if (H5Dread(opened.set, opened.type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0)
    return failed(name, "read", path);
  std::vector<std::string> strings;
  for (const char* at = bytes.data(); strings.size() < count; at += width) strings.emplace_back(at, strnlen(at, width));
  return strings;
}

Expected<std::vector<std::string>> readHeap(const Opened& opened, const std::filesystem::path& name,
                                            const std::string& path) {
  std::vector<char*> pointers(opened.shape.count(), nullptr);
  Handle type = heapText(H5Tget_cset(opened.type));  // a file may hold ASCII strings: read with its own character set
  if (H5Dread(opened.set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0) return failed(name, "read", path);
  std::vector<std::string> strings;
  for (const char* bytes : pointers) strings.emplace_back(bytes == nullptr ? "" : bytes);
  H5Dvlen_reclaim(type, opened.space, H5P_DEFAULT, pointers.data());
  return strings;
}

}  // namespace

Handle heapText(H5T_cset_t characters) {
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, characters);
  return type;
}

Error textInHeap(const std::filesystem::path& name, const std::string& what) {
  return inputError(what + " in " + name.string() +
                        " holds variable-length strings, which this program does not write there: the file comes from "
                        "an older version or another program; make it again",
                    name.string());
}

Expected<void> File::writeStrings(const std::string& path, std::span<const std::string> values) {
  Lock lock(libraryLock());
  std::size_t width = 1;
  for (const std::string& value : values) width = std::max(width, value.size());
  const auto total = checkedMultiply<std::uint64_t>(width, values.size());
  if (!total || *total > mostText)
    return bugError("the texts of " + path + " take more than a GiB when padded to the longest of " +
                    std::to_string(width) + " bytes");
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, width);
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  H5Tset_cset(type, H5T_CSET_UTF8);
  Handle create = datasetCreation();
  if (*total > 4096) compress(create, {values.size()}, width);
  TRY(set, makeDataset(handle_, path_, path, type, values.size(), create));
  if (values.empty()) return {};
  std::string padded(*total, '\0');
  for (std::size_t i = 0; i < values.size(); ++i)
    std::ranges::copy(values[i], padded.begin() + std::ptrdiff_t(i * width));
  if (H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, padded.data()) < 0) return failed(path_, "write", path);
  return {};
}

Expected<void> File::writeHeapStrings(const std::string& path, std::span<const std::string> values) {
  Lock lock(libraryLock());
  Handle type = heapText(H5T_CSET_UTF8);
  TRY(set, makeDataset(handle_, path_, path, type, values.size(), datasetCreation()));
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  if (!values.empty() && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0)
    return failed(path_, "write", path);
  return {};
}

Expected<std::vector<std::string>> File::readStrings(const std::string& path, std::uint64_t maximumCount) const {
  Lock lock(libraryLock());
  if (!has(path)) return inputError("there is no dataset " + path + " in " + path_.string(), path_.string());
  TRY(opened, openDataset(handle_, path_, path));
  if (H5Tget_class(opened.type) != H5T_STRING)
    return inputError("dataset " + path + " in " + path_.string() + " does not hold strings", path_.string());
  const bool heap = H5Tis_variable_str(opened.type) > 0;
  if (heap && !foreign_) return textInHeap(path_, "dataset " + path);
  const std::uint64_t count = opened.shape.count();
  std::error_code code;
  // A variable-length string takes 16 bytes of the file at least; a padded one may have been deflated.
  const std::uint64_t most = std::filesystem::file_size(path_, code) * (heap ? 1 : 1100);
  if (count > maximumCount || count > most)
    return inputError("dataset " + path + " in " + path_.string() + " claims " + std::to_string(count) + " strings",
                      path_.string());
  if (count == 0) return std::vector<std::string>();
  return heap ? readHeap(opened, path_, path) : readPadded(opened, path_, path);
}

}  // namespace moescope::hdf5
