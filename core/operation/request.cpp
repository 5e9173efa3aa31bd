// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/request.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "core/base/digest.h"
#include "core/operation/preview.h"

namespace moescope {

namespace fs = std::filesystem;

Json toJson(const Request& request) {
  Json json{{"operation", request.operation}, {"version", request.version}};
  if (!request.inputs.empty()) json["in"] = request.inputs;
  if (!request.set.empty()) json["set"] = request.set;
  if (!request.outside.empty()) json["outside"] = request.outside;
  if (!request.events.empty()) json["events"] = request.events;
  if (!request.plugin.empty()) json["plugin"] = request.plugin;
  return json;
}

namespace {

Expected<std::vector<std::string>> idsFromJson(const std::string& port, const Json& json) {
  if (json.is_string()) return std::vector<std::string>{json.get<std::string>()};
  if (!json.is_array())
    return usageError("input " + port + " is " + canonical(json) + "; give a name, an id or a list of them");
  std::vector<std::string> ids;
  for (const Json& item : json) {
    if (!item.is_string()) return usageError("input " + port + " holds " + canonical(item) + "; give names or ids");
    ids.push_back(item.get<std::string>());
  }
  return ids;
}

Expected<Json> eventsFromJson(const Json& json) {
  const auto wrong = [](const Json& what) {
    return usageError("events are " + canonical(what).substr(0, 80) + R"(; give a list of {"step":N,"set":{...}})");
  };
  if (!json.is_array()) return wrong(json);
  for (const Json& event : json) {
    if (!event.is_object() || !event.contains("step") || !event["step"].is_number_integer()) return wrong(event);
    if (!event.contains("set") || !event["set"].is_object()) return wrong(event);
  }
  return json;
}

}  // namespace

Expected<Request> requestFromJson(const Json& json) {
  if (!json.is_object() || !json.contains("operation") || !json["operation"].is_string())
    return usageError(R"(a request needs its operation: {"operation":"load.balance","in":{"trace":"t"},"set":{}})");
  Request request;
  request.operation = json["operation"].get<std::string>();
  if (json.contains("version")) {
    if (!json["version"].is_number_integer()) return usageError("a request's version is a whole number");
    request.version = json["version"].get<int>();
  }
  for (const char* member : {"in", "set", "outside"})
    if (json.contains(member) && !json[member].is_object())
      return usageError(
          fmt::format("\"{}\" of a request is {}; give an object", member, canonical(json[member]).substr(0, 80)));
  if (json.contains("in"))
    for (const auto& [port, value] : json["in"].items()) TRY_ASSIGN(request.inputs[port], idsFromJson(port, value));
  if (json.contains("set")) request.set = json["set"];
  if (json.contains("outside")) request.outside = json["outside"];
  if (json.contains("events")) TRY_ASSIGN(request.events, eventsFromJson(json["events"]));
  if (json.contains("plugin") && json["plugin"].is_string()) request.plugin = json["plugin"].get<std::string>();
  return request;
}

std::string digest(const Request& request) {
  Request hashed = request;
  for (const auto& [name, files] : request.outside.items()) hashed.set.erase(name);
  return sha256(canonical(toJson(hashed)));
}

namespace {

const Port* findPort(const std::vector<Port>& ports, const std::string& name) {
  for (const Port& port : ports)
    if (port.name == name) return &port;
  return nullptr;
}

Expected<void> checkPorts(const Request& asked, const Description& description) {
  std::vector<std::string> known;
  for (const Port& port : description.in) known.push_back(port.name);
  for (const auto& [name, ids] : asked.inputs) {
    const Port* port = findPort(description.in, name);
    if (port == nullptr) {
      const std::string nearest = nearestName(name, known);
      const std::string hint = !nearest.empty() ? "; did you mean " + nearest + "?"
                               : known.empty()  ? "; it takes none"
                                                : fmt::format("; there are {}", fmt::join(known, ", "));
      return usageError(fmt::format("{} has no input {}{}", description.id, name, hint));
    }
    if (ids.size() > 1 && !port->many)
      return usageError(fmt::format("input {} of {} takes one {}, not {}", name, description.id,
                                    moescope::name(port->kind), ids.size()));
  }
  for (const Port& port : description.in) {
    const auto found = asked.inputs.find(port.name);
    if (!port.optional && (found == asked.inputs.end() || found->second.empty()))
      return usageError(fmt::format("{} needs a {} at input {}: --in {}=NAME", description.id, name(port.kind),
                                    port.name, port.name));
  }
  return {};
}

void collectPaths(const std::vector<Parameter>& declared, const std::string& prefix, std::vector<std::string>& paths) {
  for (const Parameter& parameter : declared) {
    if (parameter.type == ParameterType::path) paths.push_back(prefix + parameter.name);
    for (const Option& option : parameter.options) collectPaths(option.parameters, prefix + option.name + ".", paths);
  }
}

}  // namespace

namespace {
// An artifact of the study, or a preview that is not filed.
Expected<Artifact> findInput(const Study& study, const std::string& id) {
  auto artifact = study.find(id);
  if (artifact) return artifact;
  if (auto preview = findPreviewById(study, id)) return *std::move(preview);
  return artifact;
}

// A model that stays where it is may have gone or changed since it was imported. What is gone cannot be used; a change
// makes the request another one, so that no earlier answer is given for it.
Expected<void> noticeOutside(const Artifact& artifact, const std::string& port, const Study& study, Request& request) {
  if (artifact.operation != "model.import") return {};
  std::error_code code;
  if (!fs::exists(artifact.path, code))
    return inputError(fmt::format("{} is not at {} any more: import it again from where it is now (it stays the same "
                                  "model)",
                                  artifact.title(), artifact.path.string()),
                      artifact.path.string());
  TRY(row, study.request(artifact.request));
  const Json imported = row ? Json::parse(row->request, nullptr, false) : Json();
  if (!imported.is_object() || !imported.contains("outside")) return {};
  TRY(now, outsideFiles(artifact.path));
  if (imported["outside"].value("path", Json()) != now) request.outside[port] = std::move(now);
  return {};
}
}  // namespace

Expected<Request> resolveRequest(const Request& asked, const Description& description, const Study& study) {
  TRY_DO(checkPorts(asked, description));
  TRY(parameters, checkParameters(description.parameters, asked.set));
  Request request{.operation = description.id,
                  .version = description.version,
                  .set = parameters.changed(),
                  .events = asked.events,
                  .plugin = asked.plugin};
  for (const auto& [name, ids] : asked.inputs) {
    const Port& port = *findPort(description.in, name);
    for (const std::string& id : ids) {
      TRY(artifact, findInput(study, id));
      if (artifact.kind != port.kind)
        return usageError(fmt::format("input {} of {} takes a {}; {} is a {}", name, description.id,
                                      moescope::name(port.kind), id, moescope::name(artifact.kind)));
      request.inputs[name].push_back(artifact.id);
      TRY_DO(noticeOutside(artifact, name, study, request));
    }
  }
  std::vector<std::string> paths;
  collectPaths(description.parameters, "", paths);
  for (const std::string& name : paths) {
    if (!request.set.contains(name)) continue;
    // JSON lines given in place of the file that holds them (KEY=@FILE): they are hashed as they stand.
    if (request.set[name].get_ref<const std::string&>().starts_with("{")) continue;
    const fs::path path = fs::absolute(request.set[name].get<std::string>()).lexically_normal();
    TRY_ASSIGN(request.outside[name], outsideFiles(path));
    request.set[name] = path.string();
  }
  return request;
}

Expected<Inputs> openInputs(const Request& request, const Study& study) {
  Inputs inputs;
  for (const auto& [port, ids] : request.inputs)
    for (const std::string& id : ids) {
      auto artifact = study.get(id);  // one that was deleted since it was asked for will do
      if (!artifact) artifact = findInput(study, id);
      if (!artifact) return std::move(artifact).error();
      inputs.add(port, *std::move(artifact));
    }
  return inputs;
}

Expected<Json> outsideFiles(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return systemError("open", path.string(), errno);
  std::vector<std::string> lines;
  std::uint64_t bytes = 0;
  const auto add = [&](const fs::path& file, const std::string& shown) {
    if (::stat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    lines.push_back(
        fmt::format("{} {} {}.{:09}\n", shown, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec));
    bytes += static_cast<std::uint64_t>(status.st_size);
  };
  if (S_ISDIR(status.st_mode)) {
    std::error_code code;
    fs::recursive_directory_iterator walk(path, fs::directory_options::skip_permission_denied, code), end;
    if (code) return systemError("list", path.string(), code.value());
    for (; walk != end; walk.increment(code)) {
      if (code) return systemError("list", path.string(), code.value());
      add(walk->path(), walk->path().lexically_relative(path).generic_string());
    }
  } else {
    add(path, path.filename().string());
  }
  std::sort(lines.begin(), lines.end());
  Digest digest;
  for (const std::string& line : lines) digest.update(line);
  return Json{{"digest", digest.hex()}, {"files", lines.size()}, {"bytes", bytes}};
}

Expected<const Description*> findDescription(const std::vector<Description>& known, const std::string& id) {
  std::vector<std::string> ids;
  for (const Description& description : known) {
    if (description.id == id) return &description;
    ids.push_back(description.id);
  }
  const std::string nearest = nearestName(id, ids);
  return usageError(nearest.empty() ? "there is no operation " + id + "; `moescope-cli operations` lists them"
                                    : "there is no operation " + id + "; did you mean " + nearest + "?");
}

}  // namespace moescope
