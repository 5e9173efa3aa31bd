// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <hdf5.h>

#include <mutex>
#include <utility>

#include "core/study/hdf5.h"

// What the sources of hdf5.h share. Nobody else includes this: HDF5's own names stay here.
namespace moescope::hdf5 {

// Debian's library locks itself, other builds do not: one lock for all of ours costs nothing more.
std::recursive_mutex& libraryLock();
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

// What failed, with the innermost cause of the library's error stack; a full disk is the environment's error.
Error failed(const std::filesystem::path& file, std::string_view what, const std::string& path);

Handle datasetCreation();  // keeps no times: equal content is equal bytes
Expected<void> makeParents(hid_t file, const std::filesystem::path& name, const std::string& path);
// Chunks of about 256 KiB along the first axis, shuffled and deflated.
void compress(hid_t creation, const std::vector<std::uint64_t>& extent, std::size_t itemBytes);

struct Opened {
  Handle set, space, type;
  Shape shape;
};
Expected<Opened> openDataset(hid_t file, const std::filesystem::path& name, const std::string& path);
Handle heapText(H5T_cset_t characters);  // a variable-length string in memory
// That `what` keeps its text in the heap, where the file is not foreign (File::openForeign).
Error textInHeap(const std::filesystem::path& name, const std::string& what);
// A dataset may claim more values than the file has bytes; nothing is allocated on its word.
Expected<void> checkStorage(const Opened& opened, const std::filesystem::path& name, const std::string& path);

}  // namespace moescope::hdf5
