// SPDX-License-Identifier: GPL-3.0-or-later
// Attributes of files, groups and datasets.
#include <algorithm>
#include <cstring>

#include "core/study/hdf5_handle.h"

namespace moescope::hdf5 {

namespace {
Expected<void> setAny(hid_t file, const std::filesystem::path& name, const std::string& path,
                      const std::string& attribute, hid_t stored, hid_t given, const void* value) {
  Lock lock(libraryLock());
  Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT));
  if (!object.valid()) return failed(name, "open", path);
  if (H5Aexists(object, attribute.c_str()) > 0) H5Adelete(object, attribute.c_str());
  Handle space(H5Screate(H5S_SCALAR));
  Handle set(H5Acreate2(object, attribute.c_str(), stored, space, H5P_DEFAULT, H5P_DEFAULT));
  if (!set.valid() || H5Awrite(set, given, value) < 0)
    return failed(name, "write attribute " + attribute + " of", path);
  return {};
}

Expected<Handle> openAttribute(hid_t file, const std::filesystem::path& name, const std::string& path,
                               const std::string& attribute) {
  Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT));
  if (!object.valid() || H5Aexists(object, attribute.c_str()) <= 0)
    return inputError("there is no attribute " + attribute + " of " + path + " in " + name.string(), name.string());
  Handle opened(H5Aopen(object, attribute.c_str(), H5P_DEFAULT));
  Handle space(H5Aget_space(opened));
  if (!opened.valid() || H5Sget_simple_extent_npoints(space) != 1)
    return inputError("attribute " + attribute + " of " + path + " in " + name.string() + " is not a single value",
                      name.string());
  return opened;
}

Expected<void> readNumber(hid_t file, const std::filesystem::path& name, const std::string& path,
                          const std::string& attribute, hid_t wanted, void* into) {
  Lock lock(libraryLock());
  TRY(opened, openAttribute(file, name, path, attribute));
  Handle type(H5Aget_type(opened));
  const H5T_class_t kind = H5Tget_class(type);
  // h5py writes booleans as an enumeration over int8.
  Handle base(kind == H5T_ENUM ? H5Tget_super(type) : H5Tcopy(type));
  if (kind == H5T_ENUM) {
    std::int8_t truth = 0;
    if (H5Tget_size(type) != 1 || H5Aread(opened, type, &truth) < 0)
      return inputError("attribute " + attribute + " of " + path + " in " + name.string() + " is not a number",
                        name.string());
    if (H5Tequal(wanted, H5T_NATIVE_INT64) > 0)
      *static_cast<std::int64_t*>(into) = truth;
    else
      *static_cast<double*>(into) = truth;
    return {};
  }
  if ((kind != H5T_INTEGER && kind != H5T_FLOAT) || H5Aread(opened, wanted, into) < 0)
    return inputError("attribute " + attribute + " of " + path + " in " + name.string() + " is not a number",
                      name.string());
  return {};
}
}  // namespace

Expected<void> File::setAttribute(const std::string& path, const std::string& name, const std::string& value) {
  // Fixed length: a variable-length string would live in a heap, and an attribute is small.
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, std::max<std::size_t>(1, value.size()));
  H5Tset_strpad(type, H5T_STR_NULLPAD);
  H5Tset_cset(type, H5T_CSET_UTF8);
  if (value.size() < 60000) return setAny(handle_, path_, path, name, type, type, value.empty() ? "\0" : value.data());
  return bugError("attribute " + name + " of " + path + " is too long");
}

Expected<void> File::setAttribute(const std::string& path, const std::string& name, std::int64_t value) {
  return setAny(handle_, path_, path, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &value);
}

Expected<void> File::setAttribute(const std::string& path, const std::string& name, double value) {
  return setAny(handle_, path_, path, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &value);
}

bool File::hasAttribute(const std::string& path, const std::string& name) const {
  Lock lock(libraryLock());
  if (!has(path)) return false;
  Handle object(H5Oopen(handle_, path.c_str(), H5P_DEFAULT));
  return object.valid() && H5Aexists(object, name.c_str()) > 0;
}

Expected<std::string> File::text(const std::string& path, const std::string& name) const {
  Lock lock(libraryLock());
  TRY(opened, openAttribute(handle_, path_, path, name));
  Handle type(H5Aget_type(opened));
  if (H5Tget_class(type) != H5T_STRING)
    return inputError("attribute " + name + " of " + path + " in " + path_.string() + " is not text", path_.string());
  if (H5Tis_variable_str(type) > 0) {
    if (!foreign_) return textInHeap(path_, "attribute " + name + " of " + path);
    char* bytes = nullptr;
    Handle memory = heapText(H5Tget_cset(type));
    if (H5Aread(opened, memory, &bytes) < 0) return failed(path_, "read attribute " + name + " of", path);
    std::string value = bytes == nullptr ? "" : bytes;
    H5free_memory(bytes);
    return value;
  }
  const std::size_t size = H5Tget_size(type);
  if (size > 1u << 20)
    return inputError("attribute " + name + " of " + path + " in " + path_.string() + " is too long", path_.string());
  std::string value(size, '\0');
  if (H5Aread(opened, type, value.data()) < 0) return failed(path_, "read attribute " + name + " of", path);
  value.resize(strnlen(value.data(), size));
  return value;
}

Expected<std::int64_t> File::integer(const std::string& path, const std::string& name) const {
  std::int64_t value = 0;
  TRY_DO(readNumber(handle_, path_, path, name, H5T_NATIVE_INT64, &value));
  return value;
}

Expected<double> File::real(const std::string& path, const std::string& name) const {
  double value = 0;
  TRY_DO(readNumber(handle_, path_, path, name, H5T_NATIVE_DOUBLE, &value));
  return value;
}

}  // namespace moescope::hdf5
