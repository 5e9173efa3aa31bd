// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/checkpoint_folder.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"
#include "core/base/utf8.h"

namespace moescope {
namespace {

namespace fs = std::filesystem;

bool liesBelow(const fs::path& path, const fs::path& folder) {
  if (folder.empty()) return false;
  const auto [stop, rest] = std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return stop == folder.end() && rest != path.end();
}

// The blobs of the repository in whose snapshot a folder lies: <cache>/models--A--B/snapshots/REVISION.
fs::path blobsOf(const fs::path& root) {
  const fs::path repository = root.parent_path().parent_path();
  const bool cached =
      root.parent_path().filename() == "snapshots" && repository.filename().string().starts_with("models--");
  return cached ? repository / "blobs" : fs::path();
}

}  // namespace

Expected<CheckpointFolder> CheckpointFolder::open(const fs::path& folder) {
  const std::string name = folder.string();
  std::error_code failure;
  if (!fs::is_directory(folder, failure))
    return inputError(
        fmt::format("{} is not a folder: give the one that holds config.json and the safetensors files", name), name);
  CheckpointFolder result;
  result.path_ = folder;
  result.root_ = fs::canonical(folder, failure);
  if (failure) return systemError("open", name, failure.value());
  result.blobs_ = blobsOf(result.root_);
  return result;
}

// A name in a foreign index must stay in its folder, here and on whatever machine the folder is copied to.
bool CheckpointFolder::isPlainName(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.size() > 255) return false;
  return std::none_of(name.begin(), name.end(), [](char character) {
    return character == '/' || character == '\\' || static_cast<unsigned char>(character) < 0x20 || character == 0x7f;
  });
}

bool CheckpointFolder::has(std::string_view name) const {
  std::error_code failure;
  return fs::symlink_status(root_ / name, failure).type() != fs::file_type::not_found && !failure;
}

Expected<fs::path> CheckpointFolder::find(std::string_view name) const {
  if (!isPlainName(name))
    return inputError(fmt::format("{}: \"{}\" is not the name of a file in this folder", path_.string(),
                                  validUtf8(name.substr(0, 256))),
                      path_.string());
  const std::string shown = (path_ / name).string();
  std::error_code failure;
  const fs::path real = fs::canonical(root_ / name, failure);
  std::error_code ignored;
  if (failure && fs::is_symlink(fs::symlink_status(root_ / name, ignored)))
    return inputError(fmt::format("{} is a link to what is not there: fetch the file again", shown), shown);
  if (failure == std::errc::permission_denied) return systemError("open", shown, EACCES);
  if (real.empty()) return inputError(fmt::format("{} is not there", shown), shown);
  if (!liesBelow(real, root_) && !liesBelow(real, blobs_))
    return inputError(fmt::format("{} is a link that leads out of its folder, to {}: put the file itself there", shown,
                                  real.string()),
                      shown);
  if (!fs::is_regular_file(fs::symlink_status(real, ignored)))
    return inputError(fmt::format("{} is not a regular file", shown), shown);
  return real;
}

Expected<InputFile> CheckpointFolder::file(std::string_view name) const {
  TRY(real, find(name));
  return InputFile::open(real, path_ / name);
}

Expected<std::string> CheckpointFolder::text(std::string_view name, std::uint64_t maximumBytes) const {
  TRY(input, file(name));
  const std::string shown = input.path().string();
  if (input.size() > maximumBytes)
    return inputError(fmt::format("{} has {} bytes; more than {} are not read", shown, input.size(), maximumBytes),
                      shown);
  std::string bytes(input.size(), '\0');
  TRY_DO(input.read(0, std::as_writable_bytes(std::span(bytes))));
  return bytes;
}

Expected<Json> CheckpointFolder::json(std::string_view name, std::uint64_t maximumBytes) const {
  TRY(bytes, text(name, maximumBytes));
  return parseJson(bytes, (path_ / name).string());
}

Expected<std::vector<std::string>> CheckpointFolder::names(std::string_view ending) const {
  std::vector<std::string> found;
  std::error_code failure;
  for (fs::directory_iterator at(root_, failure), end; !failure && at != end; at.increment(failure)) {
    std::string name = at->path().filename().string();
    std::error_code ignored;
    if (name.ends_with(ending) && !at->is_directory(ignored)) found.push_back(std::move(name));
  }
  if (failure) return systemError("read the folder", path_.string(), failure.value());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace moescope
