// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/preview.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/commit_point.h"
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

fs::path folderOf(const Study& study, const std::string& requestDigest) {
  return study.folder() / "scratch" / requestDigest;
}

std::string textOr(const Json& json, const char* member) {
  return json.contains(member) && json[member].is_string() ? json[member].get<std::string>() : std::string();
}

Json requestJson(const RequestRow& request, const InputRows& inputs) {
  return Json{{"digest", request.digest},   {"operation", request.operation},   {"version", request.version},
              {"request", request.request}, {"provenance", request.provenance}, {"inputs", inputs}};
}

// The request digest, port and description of the preview with that id.
struct Found {
  std::string request, port;
  Json output;
};
std::optional<Found> find(const Study& study, const std::string& id) {
  std::error_code code;
  for (const fs::directory_entry& entry : fs::directory_iterator(study.folder() / "scratch", code)) {
    auto outputs = readJson(entry.path() / "outputs.json");
    if (!outputs || !outputs->is_object()) continue;
    for (const auto& [port, output] : outputs->items())
      if (output.is_object() && textOr(output, "id") == id)
        return Found{entry.path().filename().string(), port, output};
  }
  return std::nullopt;
}

}  // namespace

Expected<Json> keepPreview(const Study& study, const RequestRow& request, const InputRows& inputs,
                           const std::vector<Study::Produced>& produced) {
  const fs::path folder = fs::absolute(folderOf(study, request.digest));
  std::error_code code;
  fs::remove_all(folder, code);
  TRY_DO(makeFolders(folder));
  Json outputs = Json::object();
  for (const Study::Produced& output : produced) {
    const fs::path there = folder / output.port;
    fs::rename(output.written, there, code);
    if (code) return systemError("move", output.written.string(), code.value());
    const fs::path content = output.outside                ? *output.outside
                             : output.kind == Kind::result ? there / "content.h5"
                                                           : there;
    std::string id = output.id;
    if (!output.outside) TRY_ASSIGN(id, contentDigest(content));
    outputs[output.port] = {{"id", id},
                            {"kind", name(output.kind)},
                            {"path", content.string()},
                            {"summary", output.summary},
                            {"outside", output.outside.has_value()},
                            {"kept", false}};
  }
  pass(CommitPoint::previewMoved);
  TRY_DO(writeFileSafely(folder / "request.json", canonical(requestJson(request, inputs))));
  TRY_DO(writeFileSafely(folder / "outputs.json", canonical(outputs)));
  dropLeastRecent(study.folder() / "scratch");
  return outputs;
}

std::optional<Json> findPreview(const Study& study, const std::string& requestDigest) {
  const fs::path folder = folderOf(study, requestDigest);
  auto outputs = readJson(folder / "outputs.json");
  if (!outputs || !outputs->is_object()) return std::nullopt;
  std::error_code code;
  fs::last_write_time(folder, fs::file_time_type::clock::now(), code);
  return *std::move(outputs);
}

std::optional<Artifact> findPreviewById(const Study& study, const std::string& id) {
  const auto found = find(study, id);
  if (!found) return std::nullopt;
  Artifact artifact;
  artifact.id = id;
  artifact.kind = kindFromName(textOr(found->output, "kind")).value_or(Kind::result);
  // Where it lies follows from its request: a study may have been moved, and its files are not taken at their word.
  artifact.path = fs::absolute(folderOf(study, found->request)) / found->port;
  if (artifact.kind == Kind::result) artifact.path /= "content.h5";
  if (found->output.value("outside", false)) artifact.path = textOr(found->output, "path");
  artifact.summary = textOr(found->output, "summary");
  artifact.request = found->request;
  artifact.port = found->port;
  return artifact;
}

Expected<void> filePreview(Study& study, const std::string& id) {
  if (study.get(id)) return {};
  const auto found = find(study, id);
  if (!found) return usageError("there is no artifact and no preview " + id);
  const fs::path folder = folderOf(study, found->request);
  TRY(request, readJson(folder / "request.json"));
  TRY(outputs, readJson(folder / "outputs.json"));
  const RequestRow row{textOr(request, "digest"), textOr(request, "operation"), request.value("version", 1),
                       textOr(request, "request"), textOr(request, "provenance")};
  const InputRows inputs = request.value("inputs", InputRows{});
  for (const auto& [port, input] : inputs) TRY_DO(filePreview(study, input));
  std::vector<Study::Produced> produced;
  std::error_code code;
  for (const auto& [port, output] : outputs.items()) {
    Study::Produced one{.port = port,
                        .kind = kindFromName(textOr(output, "kind")).value_or(Kind::result),
                        .written = study.jobFolder(row.digest) / port,
                        .summary = textOr(output, "summary")};
    if (output.value("outside", false)) {
      one.outside = textOr(output, "path");
      one.id = textOr(output, "id");
    }
    TRY_DO(makeFolders(study.jobFolder(row.digest)));
    fs::rename(folder / port, one.written, code);
    if (code) return systemError("move", (folder / port).string(), code.value());
    produced.push_back(std::move(one));
  }
  auto committed = study.commit(row, inputs, std::move(produced));
  if (!committed) return std::move(committed).error();
  fs::remove_all(folder, code);
  fs::remove_all(study.jobFolder(row.digest), code);
  return {};
}

}  // namespace moescope
