// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/hdf5.h"

#include <algorithm>

#include "core/base/checked.h"
#include "core/study/hdf5_handle.h"

namespace moescope::hdf5 {

namespace {

Type typeFrom(hid_t type) {
  const std::size_t size = H5Tget_size(type);
  const H5T_class_t kind = H5Tget_class(type);
  if (kind == H5T_FLOAT)
    return size == 2 ? Type::float16 : size == 4 ? Type::float32 : size == 8 ? Type::float64 : Type::other;
  if (kind != H5T_INTEGER) return Type::other;
  const bool isSigned = H5Tget_sign(type) == H5T_SGN_2;
  switch (size) {
    case 1:
      return isSigned ? Type::int8 : Type::uint8;
    case 2:
      return isSigned ? Type::other : Type::uint16;
    case 4:
      return isSigned ? Type::int32 : Type::uint32;
    case 8:
      return isSigned ? Type::int64 : Type::uint64;
    default:
      return Type::other;
  }
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

}  // namespace

std::recursive_mutex& libraryLock() {
  static std::recursive_mutex lock;
  return lock;
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
  const bool full = cause.find("No space left") != std::string::npos ||
                    cause.find("File too large") != std::string::npos ||
                    cause.find("write failed") != std::string::npos;
  std::string message =
      "cannot " + std::string(what) + " " + path + " in " + file.string() + (cause.empty() ? "" : ": " + cause);
  return full ? environmentError(std::move(message), file.string()) : inputError(std::move(message), file.string());
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

void compress(hid_t creation, const std::vector<std::uint64_t>& extent, std::size_t itemBytes) {
  std::uint64_t row = itemBytes;
  for (std::size_t axis = 1; axis < extent.size(); ++axis) row *= std::max<std::uint64_t>(1, extent[axis]);
  std::vector<hsize_t> chunk(extent.begin(), extent.end());
  chunk[0] =
      std::clamp<std::uint64_t>((1u << 18) / std::max<std::uint64_t>(1, row), 1, std::max<std::uint64_t>(1, extent[0]));
  H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
  H5Pset_shuffle(creation);
  H5Pset_deflate(creation, 4);
}

Expected<Opened> openDataset(hid_t file, const std::filesystem::path& name, const std::string& path) {
  Opened opened;
  opened.set = Handle(H5Dopen2(file, path.c_str(), H5P_DEFAULT));
  if (!opened.set.valid()) return inputError("there is no dataset " + path + " in " + name.string(), name.string());
  opened.space = Handle(H5Dget_space(opened.set));
  opened.type = Handle(H5Dget_type(opened.set));
  const int rank = H5Sget_simple_extent_ndims(opened.space);
  if (rank < 0 || rank > 8)
    return inputError("dataset " + path + " in " + name.string() + " has a rank that is not 0 to 8", name.string());
  std::vector<hsize_t> extent(static_cast<std::size_t>(rank));
  if (rank > 0) H5Sget_simple_extent_dims(opened.space, extent.data(), nullptr);
  opened.shape.extent.assign(extent.begin(), extent.end());
  opened.shape.type = typeFrom(opened.type);
  if (!checkedProduct<std::uint64_t>(opened.shape.extent))
    return inputError("dataset " + path + " in " + name.string() + " has extents that overflow", name.string());
  return opened;
}

// A dataset may claim more values than the file has bytes; nothing is allocated on its word. Chunks that were never
// written would read as zeros: a file of ours has none, and deflate cannot shrink by more than about 1030.
Expected<void> checkStorage(const Opened& opened, const std::filesystem::path& name, const std::string& path) {
  if (opened.shape.count() == 0) return {};
  Handle create(H5Dget_create_plist(opened.set));
  const std::uint64_t ratio = H5Pget_nfilters(create) > 0 ? 1100 : 1;
  const auto claimed = checkedMultiply<std::uint64_t>(opened.shape.count(), H5Tget_size(opened.type));
  const auto possible = checkedMultiply<std::uint64_t>(H5Dget_storage_size(opened.set), ratio);
  std::error_code code;
  const auto inFile = checkedMultiply<std::uint64_t>(std::filesystem::file_size(name, code), ratio);
  if (!claimed || !possible || !inFile || *claimed > *possible || *claimed > *inFile)
    return inputError("dataset " + path + " in " + name.string() + " claims more values than the file holds",
                      name.string());
  return {};
}

std::uint64_t Shape::count() const {
  return checkedProduct<std::uint64_t>(extent).value_or(0);
}

File::File(File&& other) noexcept
    : handle_(std::exchange(other.handle_, -1)), path_(std::move(other.path_)), foreign_(other.foreign_) {}
File& File::operator=(File&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(path_, other.path_);
  std::swap(foreign_, other.foreign_);
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
  if (file < 0)
    return environmentError(
        "cannot create " + path.string() + ": is its folder there, writable, and the disk not full?", path.string());
  return File(file, path);
}

namespace {
Expected<hid_t> openAny(const std::filesystem::path& path, unsigned flags) {
  Lock lock(libraryLock());
  quiet();
  std::error_code code;
  if (!std::filesystem::exists(path, code)) return inputError(path.string() + " is missing", path.string());
  const hid_t file = H5Fopen(path.c_str(), flags, fileAccess());
  if (file < 0)
    return inputError(path.string() + " is not a readable HDF5 file (damaged, truncated, or of another kind)",
                      path.string());
  return file;
}
}  // namespace

Expected<File> File::open(const std::filesystem::path& path) {
  TRY(file, openAny(path, H5F_ACC_RDONLY));
  return File(file, path);
}

Expected<File> File::openForeign(const std::filesystem::path& path) {
  TRY(file, open(path));
  file.foreign_ = true;
  return file;
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
  if (flushed < 0)
    done = environmentError("cannot write " + path_.string() + " to the disk: is it full?", path_.string());
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

}  // namespace moescope::hdf5
