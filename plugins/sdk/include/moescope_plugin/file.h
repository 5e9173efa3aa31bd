// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <hdf5.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "moescope_plugin/request.h"

namespace moescope_plugin {

// Owns an HDF5 identifier of any kind.
class Handle {
 public:
  Handle(hid_t id = -1) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) H5Idec_ref(id_);
  }
  operator hid_t() const { return id_; }
  bool valid() const { return id_ >= 0; }

 private:
  hid_t id_;
};

template <class T>
hid_t nativeType();
template <>
inline hid_t nativeType<std::uint8_t>() {
  return H5T_NATIVE_UINT8;
}
template <>
inline hid_t nativeType<std::uint16_t>() {
  return H5T_NATIVE_UINT16;
}
template <>
inline hid_t nativeType<std::int32_t>() {
  return H5T_NATIVE_INT32;
}
template <>
inline hid_t nativeType<std::uint32_t>() {
  return H5T_NATIVE_UINT32;
}
template <>
inline hid_t nativeType<std::int64_t>() {
  return H5T_NATIVE_INT64;
}
template <>
inline hid_t nativeType<float>() {
  return H5T_NATIVE_FLOAT;
}
template <>
inline hid_t nativeType<double>() {
  return H5T_NATIVE_DOUBLE;
}

// An HDF5 file open for reading; paths are absolute inside it. Numbers are converted to the type that is asked for.
class InputFile {
 public:
  explicit InputFile(std::string path) : path_(std::move(path)) {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    file_ = Handle(H5Fopen(path_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT));
    if (!file_.valid()) throw Failure("input", path_ + " is missing or no HDF5 file", path_);
  }
  const std::string& path() const { return path_; }

  bool has(const std::string& dataset) const {
    for (std::size_t slash = dataset.find('/', 1);; slash = dataset.find('/', slash + 1)) {
      if (H5Lexists(file_, dataset.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
      if (slash == std::string::npos) return true;
    }
  }

  std::vector<std::uint64_t> extent(const std::string& dataset) const {
    const Handle set = open(dataset);
    const Handle space(H5Dget_space(set));
    std::vector<hsize_t> extent(static_cast<std::size_t>(std::max(0, H5Sget_simple_extent_ndims(space))));
    if (!extent.empty()) H5Sget_simple_extent_dims(space, extent.data(), nullptr);
    return {extent.begin(), extent.end()};
  }

  // Rows [first, first + count) along the first axis.
  template <class T>
  std::vector<T> rows(const std::string& dataset, std::uint64_t first, std::uint64_t count) const {
    std::vector<std::uint64_t> size = extent(dataset);
    if (size.empty() || first > size[0] || count > size[0] - first)
      throw wrong(dataset, "has fewer rows than are asked for");
    std::vector<hsize_t> start(size.size(), 0), block(size.begin(), size.end());
    start[0] = first;
    block[0] = count;
    std::uint64_t values = 1;
    for (const hsize_t side : block) {
      if (side != 0 && values > (1ull << 32) / side)
        throw wrong(dataset, "claims more values than can be read at once");
      values *= side;
    }
    std::vector<T> into(values);
    if (values == 0) return into;
    const Handle set = open(dataset);
    const Handle space(H5Dget_space(set));
    H5Sselect_hyperslab(space, H5S_SELECT_SET, start.data(), nullptr, block.data(), nullptr);
    const Handle memory(H5Screate_simple(static_cast<int>(block.size()), block.data(), nullptr));
    if (H5Dread(set, nativeType<T>(), memory, space, H5P_DEFAULT, into.data()) < 0)
      throw wrong(dataset, "cannot be read");
    return into;
  }
  template <class T>
  std::vector<T> read(const std::string& dataset) const {
    const auto size = extent(dataset);
    return size.empty() ? std::vector<T>{} : rows<T>(dataset, 0, size[0]);
  }

  // A list of variable-length texts.
  std::vector<std::string> texts(const std::string& dataset) const {
    const auto size = extent(dataset);
    const std::uint64_t count = size.empty() ? 0 : size[0];
    if (count > (1ull << 26)) throw wrong(dataset, "claims too many texts");
    std::vector<std::string> texts(count);
    if (count == 0) return texts;
    const Handle set = open(dataset), space(H5Dget_space(set)), type(H5Tcopy(H5T_C_S1));
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    std::vector<char*> raw(count, nullptr);
    if (H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, raw.data()) < 0) throw wrong(dataset, "is no list of texts");
    for (std::uint64_t at = 0; at < count; ++at) texts[at] = raw[at] == nullptr ? "" : raw[at];
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, raw.data());
    return texts;
  }

  std::int64_t integer(const std::string& object, const std::string& attribute) const {
    const Handle found(H5Aopen_by_name(file_, object.c_str(), attribute.c_str(), H5P_DEFAULT, H5P_DEFAULT));
    std::int64_t value = 0;
    if (!found.valid() || H5Aread(found, H5T_NATIVE_INT64, &value) < 0)
      throw wrong(object, "has no number " + attribute);
    return value;
  }

 private:
  Handle open(const std::string& dataset) const {
    Handle set(has(dataset) ? H5Dopen2(file_, dataset.c_str(), H5P_DEFAULT) : -1);
    if (!set.valid()) throw wrong(dataset, "is not there");
    return set;
  }
  Failure wrong(const std::string& what, const std::string& how) const {
    return Failure("input", what + " of " + path_ + " " + how, path_);
  }

  std::string path_;
  Handle file_;
};

}  // namespace moescope_plugin
