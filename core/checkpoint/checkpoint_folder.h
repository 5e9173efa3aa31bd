// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "core/base/file.h"

namespace moescope {

// The folder of a checkpoint, out of which no name leads: names are single components, and links may point only into
// the folder itself or, in a Hugging Face cache (models--*/snapshots/*), into that repository's own blobs/. Any thread.
class CheckpointFolder {
 public:
  // Input error for what is not a folder.
  static Expected<CheckpointFolder> open(const std::filesystem::path& folder);

  // One component, without control characters or anything that another system takes for a separator.
  static bool isPlainName(std::string_view name);
  const std::filesystem::path& path() const { return path_; }  // as it was given
  bool has(std::string_view name) const;                       // a file, or a link whatever it leads to
  // Where that file really lies. Input error for a name that is no plain one, a link that leads out, what is not there
  // or is no regular file. Nothing is opened.
  Expected<std::filesystem::path> find(std::string_view name) const;
  Expected<InputFile> file(std::string_view name) const;
  Expected<std::string> text(std::string_view name, std::uint64_t maximumBytes) const;
  Expected<Json> json(std::string_view name, std::uint64_t maximumBytes) const;
  // The names of the files that end so ("" for all), sorted. Folders are left out.
  Expected<std::vector<std::string>> names(std::string_view ending) const;

 private:
  std::filesystem::path path_;
  std::filesystem::path root_;   // without links
  std::filesystem::path blobs_;  // empty outside a Hugging Face cache
};

}  // namespace moescope
