// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/plugin.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "core/base/digest.h"
#include "core/base/json_reading.h"
#include "core/operation/request.h"
#include "core/study/trust.h"

namespace moescope {

namespace fs = std::filesystem;

namespace {
constexpr std::uint64_t usualMemory = 4ull << 30;  // bytes
constexpr double usualSeconds = 600;

// Each word of the command that means a file of the folder, as that file; a program must be there and executable.
Expected<std::vector<std::string>> readCommand(const Json& json, const fs::path& folder, const std::string& file) {
  if (!json.contains("command") || !json["command"].is_array() || json["command"].empty())
    return inputError(file + R"( lacks "command": a list of words like ["python3", "analysis.py"])", file);
  std::vector<std::string> command;
  std::error_code code;
  for (const Json& word : json["command"]) {
    if (!word.is_string() || word.get_ref<const std::string&>().find('\0') != std::string::npos)
      return inputError(file + R"(: "command" holds )" + canonical(word) + ", which is no word", file);
    const std::string text = word.get<std::string>();
    const fs::path inside = folder / text;
    const bool ours = fs::path(text).is_relative() && !text.empty() && fs::is_regular_file(inside, code);
    command.push_back(ours ? inside.lexically_normal().string() : text);
  }
  const std::string& program = command.front();
  if (program.find('/') != std::string::npos && ::access(program.c_str(), X_OK) != 0)
    return inputError(fmt::format("{}: the program {} is not there or not executable", file, program), file);
  return command;
}

Expected<double> readLimit(const Json& json, const char* key, double usual, double most, const std::string& file) {
  if (!json.contains("limits")) return usual;
  const Json& limits = json["limits"];
  if (!limits.is_object()) return inputError(file + ": \"limits\" is no object", file);
  if (!limits.contains(key)) return usual;
  const double value = realFromJson(limits[key]);
  if (!(value > 0) || value > most)
    return inputError(
        fmt::format("{}: limits.{} is {}; it lies between 0 and {}", file, key, canonical(limits[key]), most), file);
  return value;
}

// Plugins answer with results; everything else they could break.
Expected<void> checkPorts(const Description& description, const std::string& file) {
  if (description.out.empty()) return inputError(file + ": \"out\" names no output", file);
  for (const Port& port : description.out)
    if (port.kind != Kind::result || port.many)
      return inputError(fmt::format("{}: the output {} is not one result; a plugin gives results", file, port.name),
                        file);
  return {};
}

std::vector<fs::path> pluginsIn(const fs::path& folder) {
  std::error_code code;
  if (fs::exists(folder / "plugin.json", code)) return {folder};
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, code))
    if (fs::exists(entry.path() / "plugin.json", code)) found.push_back(entry.path());
  std::sort(found.begin(), found.end());
  return found;
}

bool knows(const std::vector<Description>& known, const std::string& id) {
  return std::any_of(known.begin(), known.end(), [&](const Description& description) { return description.id == id; });
}
}  // namespace

Expected<Plugin> readPlugin(const fs::path& given) {
  fs::path folder = fs::absolute(given).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  const fs::path path = folder / "plugin.json";
  const std::string file = path.string();
  TRY(json, readJson(path, 4u << 20));
  if (!json.is_object()) return inputError(file + " is no JSON object", file);
  Plugin plugin{.folder = folder};
  TRY_ASSIGN(plugin.description, descriptionFromJson(json, file));
  plugin.description.worker = folder.string();
  TRY_DO(checkPorts(plugin.description, file));
  TRY_ASSIGN(plugin.command, readCommand(json, folder, file));
  TRY(memory, readLimit(json, "memory", static_cast<double>(usualMemory), 1e15, file));
  plugin.memory = static_cast<std::uint64_t>(memory);
  TRY_ASSIGN(plugin.seconds, readLimit(json, "seconds", usualSeconds, 1e7, file));
  std::string lines;
  std::vector<fs::path> parts{path};
  for (const std::string& word : plugin.command)
    if (word.starts_with(folder.string() + "/")) parts.emplace_back(word);
  for (const fs::path& part : parts) {
    TRY(hex, sha256OfFile(part));
    lines += part.lexically_relative(folder).generic_string() + " " + hex + "\n";
  }
  plugin.digest = sha256(lines);
  return plugin;
}

std::vector<fs::path> pluginSearchPath(const fs::path& program, const Study* study) {
  std::vector<fs::path> folders;
  if (const char* given = std::getenv("MOESCOPE_PLUGIN_PATH")) {
    std::string_view rest = given;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(':'), rest.size());
      if (end > 0) folders.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  if (study != nullptr) folders.push_back(study->folder() / "plugins");
  if (const fs::path data = userDataFolder(); !data.empty()) folders.push_back(data / "plugins");
  folders.push_back(program.parent_path().parent_path() / "share/moescope/plugins");
  return folders;
}

Plugins findPlugins(const fs::path& program, const Study* study, const std::vector<Description>& known) {
  Plugins plugins;
  std::optional<bool> trusted;
  for (const fs::path& place : pluginSearchPath(program, study)) {
    const bool ofStudy = study != nullptr && place == study->folder() / "plugins";
    for (const fs::path& folder : pluginsIn(place)) {
      if (ofStudy && !trusted) trusted = isTrusted(*study);
      if (ofStudy && !*trusted) {
        plugins.rejected.push_back(
            {folder, usageError(fmt::format(
                         "{} was not made here, so its plugins do not run; `moescope-cli study trust {}` lets them",
                         study->folder().string(), study->folder().string()))});
        continue;
      }
      auto plugin = readPlugin(folder);
      if (!plugin) {
        plugins.rejected.push_back({folder, std::move(plugin).error()});
        continue;
      }
      const std::string& id = plugin->description.id;
      const auto earlier = std::find_if(plugins.usable.begin(), plugins.usable.end(),
                                        [&](const Plugin& one) { return one.description.id == id; });
      if (knows(known, id))
        plugins.rejected.push_back(
            {folder, inputError(id + " is built in; give the plugin another id", (folder / "plugin.json").string())});
      else if (earlier != plugins.usable.end())
        plugins.rejected.push_back(
            {folder, inputError(fmt::format("{} is given by {} already, which comes first in the search path", id,
                                            earlier->folder.string()),
                                (folder / "plugin.json").string())});
      else
        plugins.usable.push_back(*std::move(plugin));
    }
  }
  return plugins;
}

Expected<Plugin> findPlugin(const std::string& id, const fs::path& program, const Study* study,
                            std::vector<Description> known) {
  Plugins plugins = findPlugins(program, study, known);
  for (Plugin& plugin : plugins.usable) {
    if (plugin.description.id == id) return std::move(plugin);
    known.push_back(plugin.description);
  }
  for (RejectedPlugin& rejected : plugins.rejected)
    if (toJson(rejected).at("id") == id) return std::move(rejected.reason);
  auto found = findDescription(known, id);
  return found ? bugError(id + " is no plugin") : std::move(found).error();
}

Json toJson(const RejectedPlugin& rejected) {
  // The id, where so much can be read.
  const auto json = readJson(rejected.folder / "plugin.json", 4u << 20);
  const bool named = json && json->is_object() && json->contains("id") && (*json)["id"].is_string();
  return Json{{"id", named ? (*json)["id"].get<std::string>() : rejected.folder.filename().string()},
              {"plugin", rejected.folder.string()},
              {"rejected", rejected.reason.message}};
}

}  // namespace moescope
