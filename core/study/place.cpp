// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/study/place.h"

#include <algorithm>

#include "core/base/digest.h"

namespace moescope::place {

namespace fs = std::filesystem;

namespace {
// The id of a set of files "content.EXT": the same lines that contentDigest takes of a folder that holds just these.
Expected<std::string> idOfFiles(const std::vector<std::pair<std::string, fs::path>>& fileByExtension) {
  std::vector<std::string> lines;
  for (const auto& [extension, file] : fileByExtension) {
    TRY(hex, sha256OfFile(file));
    lines.push_back("content" + extension + " " + hex + "\n");
  }
  std::sort(lines.begin(), lines.end());
  Digest digest;
  for (const std::string& line : lines) digest.update(line);
  return digest.hex();
}

// A plan's arrays are optional: a prune plan with keep-sets only has none.
bool required(Kind kind, const std::string& extension) {
  return !(kind == Kind::plan && extension == ".h5");
}
}  // namespace

bool isId(std::string_view text) {
  return text.size() == 64 &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::vector<std::string> extensionsOf(Kind kind) {
  switch (kind) {
    case Kind::result:
    case Kind::activations:
      return {".h5"};
    case Kind::plan:
      return {".json", ".h5"};
    case Kind::sheet:
      return {".json"};
    case Kind::model:
    case Kind::corpus:
    case Kind::trace:
    case Kind::run:
      return {};
  }
  return {};
}

std::string folderOf(Kind kind) {
  switch (kind) {
    case Kind::result:
    case Kind::activations:
      return "arrays";
    case Kind::corpus:
      return "corpora";
    case Kind::model:
    case Kind::trace:
    case Kind::run:
    case Kind::plan:
    case Kind::sheet:
      return std::string(name(kind)) + "s";
  }
  return {};
}

fs::path pathOf(Kind kind, const std::string& id) {
  const auto extensions = extensionsOf(kind);
  return fs::path(folderOf(kind)) / (extensions.empty() ? id : id + extensions.front());
}

Expected<std::vector<Move>> movesOf(Kind kind, const std::string& id, const fs::path& written, const fs::path& study) {
  const auto extensions = extensionsOf(kind);
  if (extensions.empty()) return std::vector<Move>{{written, study / pathOf(kind, id)}};
  std::vector<Move> moves;
  std::error_code code;
  for (const std::string& extension : extensions) {
    const fs::path from = written / ("content" + extension);
    if (fs::is_regular_file(from, code))
      moves.push_back({from, study / folderOf(kind) / (id + extension)});
    else if (required(kind, extension))
      return bugError("an operation gave a " + std::string(name(kind)) + " and wrote no " + from.string());
  }
  return moves;
}

Expected<std::string> idOfWritten(Kind kind, const fs::path& written) {
  const auto extensions = extensionsOf(kind);
  std::error_code code;
  if (extensions.empty()) {
    if (!fs::is_directory(written, code) || fs::is_empty(written, code))
      return bugError("an operation gave a " + std::string(name(kind)) + " and wrote nothing into " + written.string());
    return contentDigest(written);
  }
  std::vector<std::pair<std::string, fs::path>> files;
  for (const std::string& extension : extensions) {
    const fs::path file = written / ("content" + extension);
    if (required(kind, extension) && !fs::is_regular_file(file, code))
      return bugError("an operation gave a " + std::string(name(kind)) + " and wrote no " + file.string());
    if (fs::is_regular_file(file, code)) files.emplace_back(extension, file);
  }
  return idOfFiles(files);
}

Expected<std::string> idOfPlaced(Kind kind, const std::string& id, const fs::path& study) {
  const auto extensions = extensionsOf(kind);
  if (extensions.empty()) return contentDigest(study / pathOf(kind, id));
  std::vector<std::pair<std::string, fs::path>> files;
  std::error_code code;
  for (const std::string& extension : extensions)
    if (const fs::path file = study / folderOf(kind) / (id + extension); fs::is_regular_file(file, code))
      files.emplace_back(extension, file);
  return idOfFiles(files);
}

std::vector<Kind> kindsIn(const std::string& folder) {
  std::vector<Kind> kinds;
  for (int kind = 0; kind <= static_cast<int>(Kind::sheet); ++kind)
    if (folderOf(static_cast<Kind>(kind)) == folder) kinds.push_back(static_cast<Kind>(kind));
  return kinds;
}

std::optional<fs::path> linkAt(const fs::path& path) {
  std::error_code code;
  if (fs::is_symlink(fs::symlink_status(path, code))) return path;
  if (!fs::is_directory(path, code)) return std::nullopt;
  for (fs::recursive_directory_iterator walk(path, code), end; !code && walk != end; walk.increment(code))
    if (walk->is_symlink(code)) return walk->path();
  return std::nullopt;
}

std::vector<fs::path> presentAt(Kind kind, const std::string& id, const fs::path& study) {
  const auto extensions = extensionsOf(kind);
  std::vector<fs::path> candidates, present;
  if (extensions.empty()) candidates.push_back(study / pathOf(kind, id));
  for (const std::string& extension : extensions) candidates.push_back(study / folderOf(kind) / (id + extension));
  std::error_code code;
  for (const fs::path& path : candidates)
    if (fs::exists(fs::symlink_status(path, code))) present.push_back(path);
  return present;
}

bool complete(Kind kind, const std::string& id, const fs::path& study) {
  const auto extensions = extensionsOf(kind);
  std::error_code code;
  if (extensions.empty()) return fs::is_directory(fs::symlink_status(study / pathOf(kind, id), code));
  return std::all_of(extensions.begin(), extensions.end(), [&](const std::string& extension) {
    const fs::path file = study / folderOf(kind) / (id + extension);
    return !required(kind, extension) || fs::is_regular_file(fs::symlink_status(file, code));
  });
}

}  // namespace moescope::place
