// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace moescope {

// A folder of this process that holds one file, in memory where the machine has a place for that.
class OneFile {
 public:
  explicit OneFile(const std::string& name) : name_(name) {
    std::error_code failure;
    const bool shared = std::filesystem::is_directory("/dev/shm", failure);
    std::string place = (shared ? std::string("/dev/shm") : std::filesystem::temp_directory_path().string()) +
                        "/moescope-fuzz-XXXXXX";
    if (::mkdtemp(place.data()) == nullptr) std::abort();
    folder_ = place;
  }
  ~OneFile() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  void hold(const std::uint8_t* data, std::size_t size) const {
    std::ofstream(folder_ / name_, std::ios::binary | std::ios::trunc)
        .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  }
  const std::filesystem::path& folder() const { return folder_; }
  std::filesystem::path file() const { return folder_ / name_; }

 private:
  std::string name_;
  std::filesystem::path folder_;
};

}  // namespace moescope

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
