// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/rows.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/base/json_reading.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {
Json parsedOr(const std::string& text, Json otherwise) {
  auto json = parseJson(text);
  return json ? *std::move(json) : otherwise;
}
}  // namespace

Json rowJson(const Study& study, const Artifact& artifact, bool full) {
  Json row{{"id", artifact.id},
           {"kind", name(artifact.kind)},
           {"names", artifact.names},
           {"state", name(artifact.state)},
           {"created", artifact.created}};
  if (!full) return row;
  row["operation"] = artifact.operation;
  row["port"] = artifact.port;
  row["path"] = fs::absolute(artifact.path).string();
  row["bytes"] = artifact.bytes;
  row["summary"] = parsedOr(artifact.summary, Json::object());
  if (auto tags = study.tagsOf(artifact.id)) row["tags"] = *tags;
  if (auto note = study.noteOf(artifact.id); note && !note->empty()) row["note"] = *note;
  row["request"] = nullptr;
  row["request_digest"] = artifact.request;
  row["provenance"] = nullptr;
  row["inputs"] = Json::array();
  auto request = study.request(artifact.request);
  if (request && *request) {
    row["request"] = parsedOr((*request)->request, nullptr);
    row["provenance"] = parsedOr((*request)->provenance, nullptr);
  }
  if (auto inputs = study.inputsOf(artifact.request)) row["inputs"] = *inputs;
  return row;
}

std::vector<fs::path> allFiles(const Artifact& artifact) {
  std::error_code code;
  std::vector<fs::path> files;
  if (fs::is_regular_file(artifact.path, code)) {
    files.push_back(artifact.path.filename());
    fs::path beside = artifact.path;  // a plan keeps its arrays beside its JSON
    beside.replace_extension(".h5");
    if (artifact.kind == Kind::plan && beside != artifact.path && fs::is_regular_file(beside, code))
      files.push_back(beside.filename());
    return files;
  }
  for (fs::recursive_directory_iterator walk(artifact.path, code), end; !code && walk != end; walk.increment(code))
    if (walk->is_regular_file(code)) files.push_back(walk->path().lexically_relative(artifact.path));
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> travellingFiles(const Artifact& artifact) {
  std::vector<fs::path> files = allFiles(artifact);
  const auto stays = [&](const fs::path& file) {
    switch (artifact.kind) {
      case Kind::trace:
        return file != "counters.h5";
      case Kind::model:
      case Kind::corpus:
        return file.extension() != ".json";
      default:
        return false;
    }
  };
  files.erase(std::remove_if(files.begin(), files.end(), stays), files.end());
  return files;
}

}  // namespace moescope
