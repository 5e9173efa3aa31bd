// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/hdf5.h"

#include <hdf5.h>

#include <algorithm>
#include <cstring>
#include <mutex>

#include "core/base/checked.h"

namespace moescope::hdf5 {

namespace {

// Debian's library locks itself, other builds do not: one lock for all of ours costs nothing more.
std::recursive_mutex& libraryLock() {
  static std::recursive_mutex lock;
  return lock;
}
using Lock = std::lock_guard<std::recursive_mutex>;

// Owns any HDF5 identifier; H5Idec_ref closes whatever kind it is.
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
    case Type::int8: return H5T_NATIVE_INT8;
    case Type::uint8: return H5T_NATIVE_UINT8;
    case Type::uint16: return H5T_NATIVE_UINT16;
    case Type::int32: return H5T_NATIVE_INT32;
    case Type::uint32: return H5T_NATIVE_UINT32;
    case Type::int64: return H5T_NATIVE_INT64;
    case Type::uint64: return H5T_NATIVE_UINT64;
    case Type::float32: return H5T_NATIVE_FLOAT;
    case Type::float64: return H5T_NATIVE_DOUBLE;
    case Type::float16: return float16Type();
    case Type::other: break;
  }
  return -1;
}

// Little-endian on disk whatever the host is: equal content is equal bytes.
hid_t onDisk(Type type) {
  switch (type) {
    case Type::int8: return H5T_STD_I8LE;
    case Type::uint8: return H5T_STD_U8LE;
    case Type::uint16: return H5T_STD_U16LE;
    case Type::int32: return H5T_STD_I32LE;
    case Type::uint32: return H5T_STD_U32LE;
    case Type::int64: return H5T_STD_I64LE;
    case Type::uint64: return H5T_STD_U64LE;
    case Type::float32: return H5T_IEEE_F32LE;
    case Type::float64: return H5T_IEEE_F64LE;
    case Type::float16: return float16Type();
    case Type::other: break;
  }
  return -1;
}

Type typeFrom(hid_t type) {
  const std::size_t size = H5Tget_size(type);
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_FLOAT) return size == 2 ? Type::float16 : size == 4 ? Type::float32 : size == 8 ? Type::float64 : Type::other;
  if (kind != H5T_INTEGER) return Type::other;
  const bool isSigned = H5Tget_sign(type) == H5T_SGN_2;
  switch (size) {
    case 1: return isSigned ? Type::int8 : Type::uint8;
    case 2: return isSigned ? Type::other : Type::uint16;
    case 4: return isSigned ? Type::int32 : Type::uint32;
    case 8: return isSigned ? Type::int64 : Type::uint64;
    default: return Type::other;
  }
}

Error failed(const std::filesystem::path& file, std::string_view what, const std::string& path) {
  // The innermost entry of the library's error stack is the cause.
  std::string cause;
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned number, const H5E_error2_t* entry, void* into) -> herr_t {
        if (number == 0 && entry->desc != nullptr) *static_cast<std::string*>(into) = entry->desc;
        return 0;
      },
      &cause);
  const bool full = cause.find("No space left") != std::string::npos || cause.find("File too large") != std::string::npos ||
                    cause.find("write failed") != std::string::npos;
  std::string message = "cannot " + std::string(what) + " " + path + " in " + file.string() + (cause.empty() ? "" : ": " + cause);
  return full ? environmentError(std::move(message), file.string()) : inputError(std::move(message), file.string());
}

void quiet() {
  static const bool done = [] {
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
    return true;
  }();
  static_cast<void>(done);
}

// No link or object times, the newest format left out: what older h5py reads, and the same bytes every time.
Handle fileAccess() {
  Handle access(H5Pcreate(H5P_FILE_ACCESS));
#if H5_VERSION_GE(1, 10, 7)
  H5Pset_file_locking(access, false, true);
#endif
  H5Pset_fclose_degree(access, H5F_CLOSE_STRONG);
  return access;
}

Handle datasetCreation() {
  Handle create(H5Pcreate(H5P_DATASET_CREATE));
  H5Pset_obj_track_times(create, false);
  return create;
}

// Intermediate groups made by the library keep no times either, but explicit ones would.
Expected<void> makeParents(hid_t file, const std::filesystem::path& name, const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string group = path.substr(0, slash);
    if (H5Lexists(file, group.c_str(), H5P_DEFAULT) > 0) continue;
    Handle create(H5Pcreate(H5P_GROUP_CREATE));
    H5Pset_obj_track_times(create, false);
    Handle made(H5Gcreate2(file, group.c_str(), H5P_DEFAULT, create, H5P_DEFAULT));
    if (!made.valid()) return failed(name, "create", group);
  }
  return {};
}

std::uint64_t rowsPerChunk(const std::vector<std::uint64_t>& extent, std::size_t itemBytes) {
  std::uint64_t row = itemBytes;
  for (std::size_t axis = 1; axis < extent.size(); ++axis) row *= std::max<std::uint64_t>(1, extent[axis]);
  return std::clamp<std::uint64_t>((1u << 18) / std::max<std::uint64_t>(1, row), 1, std::max<std::uint64_t>(1, extent[0]));
}

Expected<void> writeAny(hid_t file, const std::filesystem::path& name, const std::string& path, Type stored, Type given, const void* values,
                        std::size_t count, const std::vector<std::uint64_t>& extent, bool compressed) {
  Lock lock(libraryLock());
  const auto product = checkedProduct<std::uint64_t>(extent);
  if (!product || *product != count) return bugError("dataset " + path + " has extents that do not match its values");
  TRY_DO(makeParents(file, name, path));
  Handle space(extent.empty() ? H5Screate(H5S_SCALAR)
                              : H5Screate_simple(static_cast<int>(extent.size()), reinterpret_cast<const hsize_t*>(extent.data()), nullptr));
  Handle create = datasetCreation();
  if (compressed && count > 0 && !extent.empty()) {
    std::vector<hsize_t> chunk(extent.begin(), extent.end());
    chunk[0] = rowsPerChunk(extent, sizeOf(stored));
    H5Pset_chunk(create, static_cast<int>(chunk.size()), chunk.data());
    H5Pset_shuffle(create);
    H5Pset_deflate(create, 4);
  }
  Handle set(H5Dcreate2(file, path.c_str(), onDisk(stored), space, H5P_DEFAULT, create, H5P_DEFAULT));
  if (!set.valid()) return failed(name, "create", path);
  if (count > 0 && H5Dwrite(set, native(given), H5S_ALL, H5S_ALL, H5P_DEFAULT, values) < 0) return failed(name, "write", path);
  return {};
}

struct Opened {
  Handle set, space, type;
  Shape shape;
};

Expected<Opened> openDataset(hid_t file, const std::filesystem::path& name, const std::string& path) {
  Opened opened;
  opened.set = Handle(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  if (!opened.set.valid()) return inputError("there is no dataset " + path + " in " + name.string(), name.string());
  opened.space = Handle(H5Dget_space(opened.set));
  opened.type = Handle(H5Dget_type(opened.set));
  const int rank = H5Sget_simple_extent_ndims(opened.space);
  if (rank < 0 || rank > 8) return inputError("dataset " + path + " in " + name.string() + " has a rank that is not 0 to 8", name.string());
  std::vector<hsize_t> extent(static_cast<std::size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(opened.space, extent.data(), nullptr);
  opened.shape.extent.assign(extent.begin(), extent.end());
  opened.shape.type = typeFrom(opened.type);
  if (!checkedProduct<std::uint64_t>(opened.shape.extent))
    return inputError("dataset " + path + " in " + name.string() + " has extents that overflow", name.string());
  return opened;
}

// A dataset may claim more values than the file has bytes; nothing is allocated on its word. Chunks that were never written
// would read as zeros: a file of ours has none, and deflate cannot shrink by more than about 1030.
Expected<void> checkStorage(const Opened& opened, const std::filesystem::path& name, const std::string& path) {
  if (opened.shape.count() == 0) return {};
  Handle create(H5Dget_create_plist(opened.set));
  const std::uint64_t ratio = H5Pget_nfilters(create) > 0 ? 1100 : 1;
  const auto claimed = checkedMultiply<std::uint64_t>(opened.shape.count(), H5Tget_size(opened.type));
  const auto possible = checkedMultiply<std::uint64_t>(H5Dget_storage_size(opened.set), ratio);
  std::error_code code;
  const auto inFile = checkedMultiply<std::uint64_t>(std::filesystem::file_size(name, code), ratio);
  if (!claimed || !possible || !inFile || *claimed > *possible || *claimed > *inFile)
    return inputError("dataset " + path + " in " + name.string() + " claims more values than the file holds", name.string());
  return {};
}

Expected<void> readAny(hid_t file, const std::filesystem::path& name, const std::string& path, Type wanted, const Opened& opened,
                       std::optional<std::pair<std::uint64_t, std::uint64_t>> rows, void* into) {
  static_cast<void>(file);
  Handle memory, chosen;
  hid_t memorySpace = H5S_ALL, fileSpace = H5S_ALL;
  if (rows) {
    std::vector<hsize_t> start(opened.shape.extent.size(), 0), count(opened.shape.extent.begin(), opened.shape.extent.end());
    start[0] = rows->first;
    count[0] = rows->second;
    H5Sselect_hyperslab(opened.space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
    memory = Handle(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr));
    memorySpace = memory;
    fileSpace = opened.space;
  }
  if (H5Dread(opened.set, native(wanted), memorySpace, fileSpace, H5P_DEFAULT, into) < 0) return failed(name, "read", path);
  return {};
}

}  // namespace

std::size_t sizeOf(Type type) {
  switch (type) {
    case Type::int8:
    case Type::uint8: return 1;
    case Type::uint16:
    case Type::float16: return 2;
    case Type::int32:
    case Type::uint32:
    case Type::float32: return 4;
    case Type::int64:
    case Type::uint64:
    case Type::float64: return 8;
    case Type::other: break;
  }
  return 0;
}

template <> Type typeOf<std::int8_t>() { return Type::int8; }
template <> Type typeOf<std::uint8_t>() { return Type::uint8; }
template <> Type typeOf<std::uint16_t>() { return Type::uint16; }
template <> Type typeOf<std::int32_t>() { return Type::int32; }
template <> Type typeOf<std::uint32_t>() { return Type::uint32; }
template <> Type typeOf<std::int64_t>() { return Type::int64; }
template <> Type typeOf<std::uint64_t>() { return Type::uint64; }
template <> Type typeOf<float>() { return Type::float32; }
template <> Type typeOf<double>() { return Type::float64; }

std::uint64_t Shape::count() const { return checkedProduct<std::uint64_t>(extent).value_or(0); }

File::File(File&& other) noexcept : handle_(std::exchange(other.handle_, -1)), path_(std::move(other.path_)) {}
File& File::operator=(File&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(path_, other.path_);
  return *this;
}
File::~File() {
  if (handle_ < 0) return;
  Lock lock(libraryLock());
  H5Fclose(handle_);
}

Expected<File> File::create(const std::filesystem::path& path) {
  Lock lock(libraryLock());
  quiet();
  Handle create(H5Pcreate(H5P_FILE_CREATE));
  H5Pset_obj_track_times(create, false);
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, create, fileAccess());
  if (file < 0) return environmentError("cannot create " + path.string() + ": is its folder there, writable, and the disk not full?", path.string());
  return File(file, path);
}

namespace {
Expected<hid_t> openAny(const std::filesystem::path& path, unsigned flags) {
  Lock lock(libraryLock());
  quiet();
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return inputError(path.string() + " is missing", path.string());
  const hid_t file = H5Fopen(path.c_str(), flags, fileAccess());
  if (file < 0) return inputError(path.string() + " is not a readable HDF5 file (damaged, truncated, or of another kind)", path.string());
  return file;
}
}  // namespace

Expected<File> File::open(const std::filesystem::path& path) {
  TRY(file, openAny(path, H5F_ACC_RDONLY));
  return File(file, path);
}

Expected<File> File::append(const std::filesystem::path& path) {
  TRY(file, openAny(path, H5F_ACC_RDWR));
  return File(file, path);
}

Expected<void> File::close() {
  if (handle_ < 0) return {};
  Lock lock(libraryLock());
  const herr_t flushed = H5Fflush(handle_, H5F_SCOPE_GLOBAL);
  Expected<void> done;
  if (flushed < 0) done = environmentError("cannot write " + path_.string() + " to the disk: is it full?", path_.string());
  if (H5Fclose(std::exchange(handle_, -1)) < 0 && done)
    done = environmentError("cannot close " + path_.string() + ": is the disk full?", path_.string());
  return done;
}

bool File::has(const std::string& path) const {
  Lock lock(libraryLock());
  if (path == "/") return true;
  // Each step of the path must exist before the next is asked for.
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    if (H5Lexists(handle_, path.substr(0, slash).c_str(), H5P_DEFAULT) <= 0) return false;
    if (slash == std::string::npos) return H5Oexists_by_name(handle_, path.c_str(), H5P_DEFAULT) > 0;
  }
}

std::vector<std::string> File::children(const std::string& group) const {
  Lock lock(libraryLock());
  std::vector<std::string> names;
  if (!has(group)) return names;
  Handle opened(H5Gopen2(handle_, group.c_str(), H5P_DEFAULT));
  if (!opened.valid()) return names;
  hsize_t index = 0;
  H5Literate(
      opened, H5_INDEX_NAME, H5_ITER_INC, &index,
      [](hid_t, const char* name, const H5L_info_t*, void* into) -> herr_t {
        auto& list = *static_cast<std::vector<std::string>*>(into);
        list.emplace_back(name);
        return list.size() > 1u << 20 ? 1 : 0;
      },
      &names);
  std::sort(names.begin(), names.end());
  return names;
}

Expected<Shape> File::shape(const std::string& path) const {
  Lock lock(libraryLock());
  if (!has(path)) return inputError("there is no dataset " + path + " in " + path_.string(), path_.string());
  TRY(opened, openDataset(handle_, path_, path));
  return opened.shape;
}

template <class T>
Expected<void> File::write(const std::string& path, std::span<const T> values, std::vector<std::uint64_t> extent, bool compressed) {
  return writeAny(handle_, path_, path, typeOf<T>(), typeOf<T>(), values.data(), values.size(), extent, compressed);
}

Expected<void> File::writeFloat16(const std::string& path, std::span<const float> values, std::vector<std::uint64_t> extent) {
  return writeAny(handle_, path_, path, Type::float16, Type::float32, values.data(), values.size(), extent, false);
}

Expected<void> File::makeGrowing(const std::string& path, Type type, std::vector<std::uint64_t> rowExtent, std::uint64_t chunkRows,
                                 bool compressed) {
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
  if (extent.empty() || row == 0 || values.size() % row != 0) return bugError("rows added to " + path + " are not whole");
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
  if (H5Dwrite(opened.set, native(typeOf<T>()), memory, space, H5P_DEFAULT, values.data()) < 0) return failed(path_, "write", path);
  return {};
}

template <class T>
Expected<std::vector<T>> File::read(const std::string& path, std::uint64_t maximumCount) const {
  Lock lock(libraryLock());
  if (!has(path)) return inputError("there is no dataset " + path + " in " + path_.string(), path_.string());
  TRY(opened, openDataset(handle_, path_, path));
  if (opened.shape.type == Type::other)
    return inputError("dataset " + path + " in " + path_.string() + " does not hold numbers of a known type", path_.string());
  const std::uint64_t count = opened.shape.count();
  if (count > maximumCount)
    return inputError("dataset " + path + " in " + path_.string() + " claims " + std::to_string(count) + " values, more than the " +
                          std::to_string(maximumCount) + " that are allowed here",
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
    return inputError("dataset " + path + " in " + path_.string() + " has " + std::to_string(opened.shape.extent[0]) + " rows, asked for up to " +
                          std::to_string(first) + " + " + std::to_string(count),
                      path_.string());
  TRY_DO(checkStorage(opened, path_, path));
  std::uint64_t row = 1;
  for (std::size_t axis = 1; axis < opened.shape.extent.size(); ++axis) row *= opened.shape.extent[axis];
  const auto total = checkedMultiply(row, count);
  if (!total || *total > (1ull << 34)) return inputError("dataset " + path + " in " + path_.string() + " has rows that are too large", path_.string());
  std::vector<T> values(*total);
  if (*total > 0) TRY_DO(readAny(handle_, path_, path, typeOf<T>(), opened, std::pair{first, count}, values.data()));
  return values;
}

#define MOESCOPE_HDF5_TYPE(T)                                                                                            \
  template Expected<void> File::write<T>(const std::string&, std::span<const T>, std::vector<std::uint64_t>, bool);      \
  template Expected<void> File::appendRows<T>(const std::string&, std::span<const T>);                                   \
  template Expected<std::vector<T>> File::read<T>(const std::string&, std::uint64_t) const;                              \
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

namespace {
Handle textType() {
  Handle type(H5Tcopy(H5T_C_S1));
  H5Tset_size(type, H5T_VARIABLE);
  H5Tset_cset(type, H5T_CSET_UTF8);
  return type;
}
}  // namespace

Expected<void> File::writeStrings(const std::string& path, std::span<const std::string> values) {
  Lock lock(libraryLock());
  TRY_DO(makeParents(handle_, path_, path));
  const hsize_t count = values.size();
  Handle space(H5Screate_simple(1, &count, nullptr));
  Handle type = textType();
  Handle set(H5Dcreate2(handle_, path.c_str(), type, space, H5P_DEFAULT, datasetCreation(), H5P_DEFAULT));
  if (!set.valid()) return failed(path_, "create", path);
  std::vector<const char*> pointers;
  for (const std::string& value : values) pointers.push_back(value.c_str());
  if (count > 0 && H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0) return failed(path_, "write", path);
  return {};
}

Expected<std::vector<std::string>> File::readStrings(const std::string& path, std::uint64_t maximumCount) const {
  Lock lock(libraryLock());
  if (!has(path)) return inputError("there is no dataset " + path + " in " + path_.string(), path_.string());
  TRY(opened, openDataset(handle_, path_, path));
  if (H5Tget_class(opened.type) != H5T_STRING) return inputError("dataset " + path + " in " + path_.string() + " does not hold strings", path_.string());
  const std::uint64_t count = opened.shape.count();
  // A variable-length string takes 16 bytes of the file at least.
  std::error_code code;
  if (count > maximumCount || count > std::filesystem::file_size(path_, code))
    return inputError("dataset " + path + " in " + path_.string() + " claims " + std::to_string(count) + " strings", path_.string());
  std::vector<std::string> strings(count);
  if (count == 0) return strings;
  if (H5Tis_variable_str(opened.type) <= 0) {
    const std::size_t width = H5Tget_size(opened.type);
    const auto total = checkedMultiply<std::uint64_t>(width, count);
    if (!total || *total > (1ull << 30)) return inputError("dataset " + path + " in " + path_.string() + " claims too much text", path_.string());
    std::vector<char> bytes(*total);
    if (H5Dread(opened.set, opened.type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()) < 0) return failed(path_, "read", path);
    for (std::uint64_t at = 0; at < count; ++at) strings[at].assign(bytes.data() + at * width, strnlen(bytes.data() + at * width, width));
    return strings;
  }
  std::vector<char*> pointers(count, nullptr);
  Handle type = textType();
  // A file may hold ASCII strings: read with the file's own character set.
  H5Tset_cset(type, H5Tget_cset(opened.type));
  if (H5Dread(opened.set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, pointers.data()) < 0) return failed(path_, "read", path);
  for (std::uint64_t at = 0; at < count; ++at)
    if (pointers[at] != nullptr) strings[at] = pointers[at];
  H5Dvlen_reclaim(type, opened.space, H5P_DEFAULT, pointers.data());
  return strings;
}

namespace {
Expected<void> setAny(hid_t file, const std::filesystem::path& name, const std::string& path, const std::string& attribute, hid_t stored, hid_t given,
                      const void* value) {
  Lock lock(libraryLock());
  Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT));
  if (!object.valid()) return failed(name, "open", path);
  if (H5Aexists(object, attribute.c_str()) > 0) H5Adelete(object, attribute.c_str());
  Handle space(H5Screate(H5S_SCALAR));
  Handle set(H5Acreate2(object, attribute.c_str(), stored, space, H5P_DEFAULT, H5P_DEFAULT));
  if (!set.valid() || H5Awrite(set, given, value) < 0) return failed(name, "write attribute " + attribute + " of", path);
  return {};
}

Expected<Handle> openAttribute(hid_t file, const std::filesystem::path& name, const std::string& path, const std::string& attribute) {
  Handle object(H5Oopen(file, path.c_str(), H5P_DEFAULT));
  if (!object.valid() || H5Aexists(object, attribute.c_str()) <= 0)
    return inputError("there is no attribute " + attribute + " of " + path + " in " + name.string(), name.string());
  Handle opened(H5Aopen(object, attribute.c_str(), H5P_DEFAULT));
  Handle space(H5Aget_space(opened));
  if (!opened.valid() || H5Sget_simple_extent_npoints(space) != 1)
    return inputError("attribute " + attribute + " of " + path + " in " + name.string() + " is not a single value", name.string());
  return opened;
}

Expected<void> readNumber(hid_t file, const std::filesystem::path& name, const std::string& path, const std::string& attribute, hid_t wanted, void* into) {
  Lock lock(libraryLock());
  TRY(opened, openAttribute(file, name, path, attribute));
  Handle type(H5Aget_type(opened));
  const H5T_class_t kind = H5Tget_class(type);
  // h5py writes booleans as an enumeration over int8.
  Handle base(kind == H5T_ENUM ? H5Tget_super(type) : H5Tcopy(type));
  if (kind == H5T_ENUM) {
    std::int8_t truth = 0;
    if (H5Tget_size(type) != 1 || H5Aread(opened, type, &truth) < 0)
      return inputError("attribute " + attribute + " of " + path + " in " + name.string() + " is not a number", name.string());
    if (H5Tequal(wanted, H5T_NATIVE_INT64) > 0) *static_cast<std::int64_t*>(into) = truth;
    else *static_cast<double*>(into) = truth;
    return {};
  }
  if ((kind != H5T_INTEGER && kind != H5T_FLOAT) || H5Aread(opened, wanted, into) < 0)
    return inputError("attribute " + attribute + " of " + path + " in " + name.string() + " is not a number", name.string());
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
    char* bytes = nullptr;
    Handle memory = textType();
    H5Tset_cset(memory, H5Tget_cset(type));
    if (H5Aread(opened, memory, &bytes) < 0) return failed(path_, "read attribute " + name + " of", path);
    std::string value = bytes == nullptr ? "" : bytes;
    H5free_memory(bytes);
    return value;
  }
  const std::size_t size = H5Tget_size(type);
  if (size > 1u << 20) return inputError("attribute " + name + " of " + path + " in " + path_.string() + " is too long", path_.string());
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
