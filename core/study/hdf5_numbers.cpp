// SPDX-License-Identifier: GPL-3.0-or-later
// Datasets of numbers.
#include <algorithm>
#include <optional>

#include "core/base/checked.h"
#include "core/study/hdf5_handle.h"

namespace moescope::hdf5 {

namespace {

// Half precision has no C++ type here: an IEEE 16-bit float described to the library, which converts from and to float.
hid_t float16Type() {
  static const hid_t type = [] {
    const hid_t half = H5Tcopy(H5T_IEEE_F32LE);
    H5Tset_fields(half, 15, 10, 5, 0, 10);
    H5Tset_size(half, 2);
    H5Tset_ebias(half, 15);
    return half;
  }();
  return type;
}

hid_t native(Type type) {
  switch (type) {
    case Type::int8:
      return H5T_NATIVE_INT8;
    case Type::uint8:
      return H5T_NATIVE_UINT8;
    case Type::uint16:
      return H5T_NATIVE_UINT16;
    case Type::int32:
      return H5T_NATIVE_INT32;
    case Type::uint32:
      return H5T_NATIVE_UINT32;
    case Type::int64:
      return H5T_NATIVE_INT64;
    case Type::uint64:
      return H5T_NATIVE_UINT64;
    case Type::float32:
      return H5T_NATIVE_FLOAT;
    case Type::float64:
      return H5T_NATIVE_DOUBLE;
    case Type::float16:
      return float16Type();
    case Type::other:
      break;
  }
  return -1;
}

// Little-endian on disk whatever the host is: equal content is equal bytes.
hid_t onDisk(Type type) {
  switch (type) {
    case Type::int8:
      return H5T_STD_I8LE;
    case Type::uint8:
      return H5T_STD_U8LE;
    case Type::uint16:
      return H5T_STD_U16LE;
    case Type::int32:
      return H5T_STD_I32LE;
    case Type::uint32:
      return H5T_STD_U32LE;
    case Type::int64:
      return H5T_STD_I64LE;
    case Type::uint64:
      return H5T_STD_U64LE;
    case Type::float32:
      return H5T_IEEE_F32LE;
    case Type::float64:
      return H5T_IEEE_F64LE;
    case Type::float16:
      return float16Type();
    case Type::other:
      break;
  }
  return -1;
}

Expected<void> writeAny(hid_t file, const std::filesystem::path& name, const std::string& path, Type stored, Type given,
                        const void* values, std::size_t count, const std::vector<std::uint64_t>& extent,
                        bool compressed) {
  Lock lock(libraryLock());
  const auto product = checkedProduct<std::uint64_t>(extent);
  if (!product || *product != count) return bugError("dataset " + path + " has extents that do not match its values");
  TRY_DO(makeParents(file, name, path));
  Handle space(extent.empty() ? H5Screate(H5S_SCALAR)
                              : H5Screate_simple(static_cast<int>(extent.size()),
                                                 reinterpret_cast<const hsize_t*>(extent.data()), nullptr));
  Handle create = datasetCreation();
  if (compressed && count > 0 && !extent.empty()) compress(create, extent, sizeOf(stored));
  Handle set(H5Dcreate2(file, path.c_str(), onDisk(stored), space, H5P_DEFAULT, create, H5P_DEFAULT));
  if (!set.valid()) return failed(name, "create", path);
  if (count > 0 && H5Dwrite(set, native(given), H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0)
    return failed(name, "write", path);
  return {};
}

Expected<void> readAny(hid_t file, const std::filesystem::path& name, const std::string& path, Type wanted,
                       const Opened& opened, std::optional<std::pair<std::uint64_t, std::uint64_t>> rows, void* into) {
  static_cast<void>(file);
  Handle memory, chosen;
  hid_t memorySpace = H5S_ALL, fileSpace = H5S_ALL;
  if (rows) {
    std::vector<hsize_t> start(opened.shape.extent.size(), 0),
        count(opened.shape.extent.begin(), opened.shape.extent.end());
    start[0] = rows->first;
    count[0] = rows->second;
    H5Sselect_hyperslab(opened.space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    memory = Handle(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr));
    memorySpace = memory;
    fileSpace = opened.space;
  }
  if (H5Dread(opened.set, native(wanted), memorySpace, fileSpace, H5P_DEFAULT, into) < 0)
    return failed(name, "read", path);
  return {};
}

}  // namespace

std::size_t sizeOf(Type type) {
  switch (type) {
    case Type::int8:
    case Type::uint8:
      return 1;
    case Type::uint16:
    case Type::float16:
      return 2;
    case Type::int32:
    case Type::uint32:
    case Type::float32:
      return 4;
    case Type::int64:
    case Type::uint64:
    case Type::float64:
      return 8;
    case Type::other:
      break;
  }
  return 0;
}

template <>
Type typeOf<std::int8_t>() {
  return Type::int8;
}
template <>
Type typeOf<std::uint8_t>() {
  return Type::uint8;
}
template <>
Type typeOf<std::uint16_t>() {
  return Type::uint16;
}
template <>
Type typeOf<std::int32_t>() {
  return Type::int32;
}
template <>
Type typeOf<std::uint32_t>() {
  return Type::uint32;
}
template <>
Type typeOf<std::int64_t>() {
  return Type::int64;
}
template <>
Type typeOf<std::uint64_t>() {
  return Type::uint64;
}
template <>
Type typeOf<float>() {
  return Type::float32;
}
template <>
Type typeOf<double>() {
  return Type::float64;
}

template <class T>
Expected<void> File::write(const std::string& path, std::span<const T> values, std::vector<std::uint64_t> extent,
                           bool compressed) {
  return writeAny(handle_, path_, path, typeOf<T>(), typeOf<T>(), values.data(), values.size(), extent, compressed);
}

Expected<void> File::writeFloat16(const std::string& path, std::span<const float> values,
                                  std::vector<std::uint64_t> extent) {
  return writeAny(handle_, path_, path, Type::float16, Type::float32, values.data(), values.size(), extent, false);
}

Expected<void> File::makeGrowing(const std::string& path, Type type, std::vector<std::uint64_t> rowExtent,
                                 std::uint64_t chunkRows, bool compressed) {
  Lock lock(libraryLock());
  TRY_DO(makeParents(handle_, path_, path));
  std::vector<hsize_t> extent{0}, largest{H5S_UNLIMITED}, chunk{std::max<std::uint64_t>(1, chunkRows)};
  for (std::uint64_t side : rowExtent) {
    extent.push_back(side);
    largest.push_back(side);
    chunk.push_back(std::max<std::uint64_t>(1, side));
  }
  Handle space(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), largest.data()));
  Handle create = datasetCreation();
  H5Pset_chunk(create, static_cast<int>(chunk.size()), chunk.data());
  if (compressed) {
    H5Pset_shuffle(create);
    H5Pset_deflate(create, 4);
  }
  Handle set(H5Dcreate2(handle_, path.c_str(), onDisk(type), space, H5P_DEFAULT, create, H5P_DEFAULT));
  if (!set.valid()) return failed(path_, "create", path);
  return {};
}

template <class T>
Expected<void> File::appendRows(const std::string& path, std::span<const T> values) {
  Lock lock(libraryLock());
  TRY(opened, openDataset(handle_, path_, path));
  std::vector<hsize_t> extent(opened.shape.extent.begin(), opened.shape.extent.end());
  std::uint64_t row = 1;
  for (std::size_t axis = 1; axis < extent.size(); ++axis) row *= extent[axis];
  if (extent.empty() || row == 0 || values.size() % row != 0)
    return bugError("rows added to " + path + " are not whole");
  const hsize_t before = extent[0], added = values.size() / row;
  if (added == 0) return {};
  extent[0] += added;
  if (H5Dset_extent(opened.set, extent.data()) < 0) return failed(path_, "extend", path);
  Handle space(H5Dget_space(opened.set));
  std::vector<hsize_t> start(extent.size(), 0), count = extent;
  start[0] = before;
  count[0] = added;
  H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
  Handle memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr));
  if (H5Dwrite(opened.set, native(typeOf<T>()), memory, space, H5P_DEFAULT, values.data()) < 0)
    return failed(path_, "write", path);
  return {};
}

template <class T>
Expected<std::vector<T>> File::read(const std::string& path, std::uint64_t maximumCount) const {
  Lock lock(libraryLock());
  if (!has(path)) return inputError("there is no dataset " + path + " in " + path_.string(), path_.string());
  TRY(opened, openDataset(handle_, path_, path));
  if (opened.shape.type == Type::other)
    return inputError("dataset " + path + " in " + path_.string() + " does not hold numbers of a known type",
                      path_.string());
  const std::uint64_t count = opened.shape.count();
  if (count > maximumCount)
    return inputError("dataset " + path + " in " + path_.string() + " claims " + std::to_string(count) +
                          " values, more than the " + std::to_string(maximumCount) + " that are allowed here",
                      path_.string());
  TRY_DO(checkStorage(opened, path_, path));
  std::vector<T> values(count);
  if (count > 0) TRY_DO(readAny(handle_, path_, path, typeOf<T>(), opened, std::nullopt, values.data()));
  return values;
}

template <class T>
Expected<std::vector<T>> File::readRows(const std::string& path, std::uint64_t first, std::uint64_t count) const {
  Lock lock(libraryLock());
  if (!has(path)) return inputError("there is no dataset " + path + " in " + path_.string(), path_.string());
  TRY(opened, openDataset(handle_, path_, path));
  if (opened.shape.type == Type::other || opened.shape.extent.empty())
    return inputError("dataset " + path + " in " + path_.string() + " does not hold rows of numbers", path_.string());
  const auto end = checkedAdd(first, count);
  if (!end || *end > opened.shape.extent[0])
    return inputError("dataset " + path + " in " + path_.string() + " has " + std::to_string(opened.shape.extent[0]) +
                          " rows, asked for up to " + std::to_string(first) + " + " + std::to_string(count),
                      path_.string());
  TRY_DO(checkStorage(opened, path_, path));
  std::uint64_t row = 1;
  for (std::size_t axis = 1; axis < opened.shape.extent.size(); ++axis) row *= opened.shape.extent[axis];
  const auto total = checkedMultiply(row, count);
  if (!total || *total > (1ull << 34))
    return inputError("dataset " + path + " in " + path_.string() + " has rows that are too large", path_.string());
  std::vector<T> values(*total);
  if (*total > 0) TRY_DO(readAny(handle_, path_, path, typeOf<T>(), opened, std::pair{first, count}, values.data()));
  return values;
}

#define MOESCOPE_HDF5_TYPE(T)                                                                                       \
  template Expected<void> File::write<T>(const std::string&, std::span<const T>, std::vector<std::uint64_t>, bool); \
  template Expected<void> File::appendRows<T>(const std::string&, std::span<const T>);                              \
  template Expected<std::vector<T>> File::read<T>(const std::string&, std::uint64_t) const;                         \
  template Expected<std::vector<T>> File::readRows<T>(const std::string&, std::uint64_t, std::uint64_t) const;
MOESCOPE_HDF5_TYPE(std::int8_t)
MOESCOPE_HDF5_TYPE(std::uint8_t)
MOESCOPE_HDF5_TYPE(std::uint16_t)
MOESCOPE_HDF5_TYPE(std::int32_t)
MOESCOPE_HDF5_TYPE(std::uint32_t)
MOESCOPE_HDF5_TYPE(std::int64_t)
MOESCOPE_HDF5_TYPE(std::uint64_t)
MOESCOPE_HDF5_TYPE(float)
MOESCOPE_HDF5_TYPE(double)
#undef MOESCOPE_HDF5_TYPE

}  // namespace moescope::hdf5
