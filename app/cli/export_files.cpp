// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "app/cli/exporter.h"
#include "core/base/file.h"
#include "core/checkpoint/folder_export.h"
#include "core/operation/rows.h"

namespace moescope::cli {

namespace fs = std::filesystem;

namespace {

Expected<void> copyTo(const fs::path& from, const fs::path& to) {
  std::error_code code;
  if (to.has_parent_path()) TRY_DO(makeFolders(to.parent_path()));
  fs::copy_file(from, to, fs::copy_options::overwrite_existing, code);
  if (code)
    return environmentError(fmt::format("cannot copy {} to {}: {}", from.string(), to.string(), code.message()),
                            to.string());
  return {};
}

// The HDF5 file of an artifact, or all its files into a folder.
Expected<void> exportFiles(const Artifact& artifact, const fs::path& out) {
  const std::vector<fs::path> files = allFiles(artifact);
  if (files.empty()) return inputError("the files of " + artifact.title() + " are gone", artifact.path.string());
  std::error_code code;
  if (!fs::is_directory(artifact.path, code)) return copyTo(artifact.path, out);
  for (const fs::path& file : files) TRY_DO(copyTo(artifact.path / file, out / file));
  return {};
}

}  // namespace

Expected<void> exportHdf5(const Export& wanted) {
  const Kind kind = wanted.artifact.kind;
  if (kind == Kind::model || kind == Kind::corpus)
    return usageError(fmt::format("{} is a {}, which is not kept as HDF5{}", wanted.name, moescope::name(kind),
                                  kind == Kind::model ? "; use --format hf" : ""));
  return exportFiles(wanted.artifact, wanted.out);
}

Expected<void> exportHuggingFace(const Export& wanted) {
  if (wanted.artifact.kind != Kind::model)
    return usageError(fmt::format("hf exports models; {} is a {}", wanted.name, moescope::name(wanted.artifact.kind)));
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  TRY_DO(exportFolder(wanted.artifact.path, wanted.out, [terminal](std::uint64_t done, std::uint64_t total) {
    if (terminal) fmt::print(stderr, "\rcopied {} of {} MB", done / 1'000'000, total / 1'000'000);
    return true;
  }));
  if (terminal) fmt::print(stderr, "\n");
  return {};
}

}  // namespace moescope::cli
