// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/preview.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/digest.h"
#include "core/base/file.h"
#include "core/base/json_reading.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t mostBytes = 1000000000;

void dropLeastRecent(const fs::path& scratch) {
  struct Entry {
    fs::path folder;
    fs::file_time_type used;
    std::uint64_t bytes;
  };
  std::vector<Entry> entries;
  std::uint64_t total = 0;
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(scratch, code)) {
    if (!fs::exists(entry.path() / "outputs.json", code)) continue;
    entries.push_back({entry.path(), entry.last_write_time(code), bytesBelow(entry.path())});
    total += entries.back().bytes;
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.used < b.used; });
  for (std::size_t at = 0; total > mostBytes && at + 1 < entries.size(); ++at) {
    fs::remove_all(entries[at].folder, code);
    total -= entries[at].bytes;
  }
}

}  // namespace

Expected<Json> keepPreview(const fs::path& study, const std::string& requestDigest,
                           const std::vector<Study::Produced>& produced) {
  const fs::path folder = study / "scratch" / requestDigest;
  std::error_code code;
  fs::remove_all(folder, code);
  TRY_DO(makeFolders(folder));
  Json outputs = Json::object();
  for (const Study::Produced& output : produced) {
    const fs::path there = folder / output.port;
    fs::rename(output.written, there, code);
    if (code) return systemError("move", output.written.string(), code.value());
    const fs::path content = output.kind == Kind::result ? there / "content.h5" : there;
    TRY(id, contentDigest(content));
    outputs[output.port] = {{"id", id}, {"kind", name(output.kind)}, {"path", content.string()}, {"kept", false}};
  }
  TRY_DO(writeFileSafely(folder / "outputs.json", canonical(outputs)));
  dropLeastRecent(study / "scratch");
  return outputs;
}

std::optional<Json> findPreview(const fs::path& study, const std::string& requestDigest) {
  const fs::path folder = study / "scratch" / requestDigest;
  auto outputs = readJson(folder / "outputs.json");
  if (!outputs || !outputs->is_object()) return std::nullopt;
  std::error_code code;
  fs::last_write_time(folder, fs::file_time_type::clock::now(), code);
  return *std::move(outputs);
}

std::optional<fs::path> findPreviewById(const fs::path& study, const std::string& id) {
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(study / "scratch", code)) {
    auto outputs = readJson(entry.path() / "outputs.json");
    if (!outputs || !outputs->is_object()) continue;
    for (const Json& output : *outputs)
      if (output.is_object() && output.value("id", "") == id) return fs::path(output.value("path", ""));
  }
  return std::nullopt;
}

}  // namespace moescope
