// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/operation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <limits>
#include <set>

namespace moescope {

const Artifact& Inputs::at(std::string_view port) const {
  const Artifact* artifact = find(port);
  assert(artifact != nullptr && "a required port was checked before the call");
  return *artifact;
}
const Artifact* Inputs::find(std::string_view port) const {
  const auto found = byPort_.find(port);
  return found == byPort_.end() || found->second.empty() ? nullptr : &found->second.front();
}
std::span<const Artifact> Inputs::all(std::string_view port) const {
  const auto found = byPort_.find(port);
  return found == byPort_.end() ? std::span<const Artifact>{} : std::span<const Artifact>(found->second);
}

Outputs one(std::string port, Result result, Json summary) {
  Output output{.port = std::move(port), .kind = Kind::result};
  output.result = std::move(result);
  output.summary = std::move(summary);
  Outputs outputs;
  outputs.push_back(std::move(output));
  return outputs;
}

namespace {

constexpr std::array<std::string_view, 7> typeNames{"integer", "real", "flag", "text", "path", "choice", "list"};
bool isNumber(ParameterType type) {
  return type == ParameterType::integer || type == ParameterType::real;
}

Json toJson(const Port& port) {
  Json json{{"name", port.name}, {"kind", name(port.kind)}};
  if (port.optional) json["optional"] = true;
  if (port.many) json["many"] = true;
  if (!port.help.empty()) json["help"] = port.help;
  return json;
}

Json toJson(const Parameter& parameter);

Json toJson(const Option& option) {
  Json json{{"name", option.name}, {"help", option.help}};
  for (const Parameter& parameter : option.parameters) json["parameters"].push_back(toJson(parameter));
  return json;
}

Json toJson(const Parameter& parameter) {
  Json json{{"name", parameter.name},
            {"type", typeNames[static_cast<std::size_t>(parameter.type)]},
            {"default", parameter.initial},
            {"help", parameter.help}};
  if (isNumber(parameter.type) || parameter.low < parameter.high) {
    json["low"] = jsonReal(parameter.low);
    json["high"] = jsonReal(parameter.high);
  }
  if (!parameter.unit.empty()) json["unit"] = parameter.unit;
  for (const Option& option : parameter.options) json["options"].push_back(toJson(option));
  if (!parameter.primary) json["primary"] = false;
  return json;
}

// Reads one object of a description; the first wrong member is kept as the error, named by where it is.
struct Reader {
  const std::string& file;
  std::optional<Error> error = {};

  void wrong(const std::string& where, const std::string& what) {
    if (!error) error = inputError(fmt::format("{}: {} {}", file.empty() ? "description" : file, where, what), file);
  }
  std::string text(const Json& json, const char* key, const std::string& where, bool required = false) {
    if (!json.contains(key)) {
      if (required) wrong(where, fmt::format("lacks \"{}\"", key));
      return {};
    }
    if (json[key].is_string()) return json[key].get<std::string>();
    wrong(where + "." + key, "is not text");
    return {};
  }
  bool flag(const Json& json, const char* key, const std::string& where, bool otherwise) {
    if (!json.contains(key)) return otherwise;
    if (json[key].is_boolean()) return json[key].get<bool>();
    wrong(where + "." + key, "is not true or false");
    return otherwise;
  }
  // The items of a list of objects; nothing where it is missing.
  std::vector<const Json*> objects(const Json& json, const char* key, const std::string& where) {
    std::vector<const Json*> items;
    if (!json.contains(key)) return items;
    if (!json[key].is_array())
      wrong(where + "." + key, "is not a list");
    else
      for (const Json& item : json[key]) {
        if (item.is_object())
          items.push_back(&item);
        else
          wrong(where + "." + key, "holds something that is not an object");
      }
    return items;
  }
  std::string name(const Json& json, const std::string& where) {
    std::string found = text(json, "name", where, true);
    const bool sound = !found.empty() && found.size() <= 64 &&
                       std::all_of(found.begin(), found.end(),
                                   [](unsigned char c) { return std::islower(c) || std::isdigit(c) || c == '_'; });
    if (!sound) wrong(where, "has the name '" + found + "'; a name is lower-case letters, digits and _");
    return found;
  }

  std::vector<Port> ports(const Json& json, const char* key) {
    std::vector<Port> ports;
    for (const Json* item : objects(json, key, "")) {
      Port port{.name = name(*item, key), .kind = Kind::result};
      const auto kind = kindFromName(text(*item, "kind", port.name, true));
      if (!kind) wrong(port.name, "has a kind of artifact that is not known");
      port.kind = kind.value_or(Kind::result);
      port.optional = flag(*item, "optional", port.name, false);
      port.many = flag(*item, "many", port.name, false);
      port.help = text(*item, "help", port.name);
      ports.push_back(std::move(port));
    }
    return ports;
  }

  double bound(const Json& json, const char* key, const std::string& where, bool number) {
    if (!json.contains(key)) {
      if (number) wrong(where, fmt::format("lacks \"{}\"", key));
      return 0;
    }
    const double value = realFromJson(json[key]);
    if (value != value) wrong(where + "." + key, "is not a number");
    return value;
  }

  std::vector<Parameter> parameters(const Json& json, const std::string& where, int depth = 0) {
    std::vector<Parameter> parameters;
    if (depth > 4) return wrong(where, "nests options too deep"), parameters;
    std::set<std::string> seen;
    for (const Json* item : objects(json, "parameters", where)) {
      parameters.push_back(parameter(*item, where, depth));
      if (!seen.insert(parameters.back().name).second) wrong(parameters.back().name, "is declared twice");
    }
    return parameters;
  }

  Parameter parameter(const Json& json, const std::string& where, int depth) {
    Parameter parameter;
    parameter.name = name(json, where + ".parameters");
    const std::string type = text(json, "type", parameter.name, true);
    const auto found = std::find(typeNames.begin(), typeNames.end(), type);
    if (found == typeNames.end())
      wrong(parameter.name, fmt::format("has the type '{}'; types are {}", type, fmt::join(typeNames, ", ")));
    else
      parameter.type = static_cast<ParameterType>(found - typeNames.begin());
    parameter.initial = json.contains("default") ? json["default"] : Json(nullptr);
    parameter.low = bound(json, "low", parameter.name, isNumber(parameter.type));
    parameter.high = bound(json, "high", parameter.name, isNumber(parameter.type));
    parameter.unit = text(json, "unit", parameter.name);
    parameter.help = text(json, "help", parameter.name);
    parameter.primary = flag(json, "primary", parameter.name, true);
    for (const Json* item : objects(json, "options", parameter.name)) {
      Option option{.name = name(*item, parameter.name + ".options"), .help = text(*item, "help", parameter.name)};
      option.parameters = this->parameters(*item, option.name, depth + 1);
      parameter.options.push_back(std::move(option));
    }
    return parameter;
  }
};

// A default that its own declaration would refuse would make every call fail.
Expected<void> checkDefaults(const std::vector<Parameter>& parameters) {
  for (const Parameter& parameter : parameters) {
    if (!parameter.initial.is_null()) {
      auto checked = checkParameters({parameter}, Json{{parameter.name, parameter.initial}});
      if (!checked) return std::move(checked).error();
    }
    for (const Option& option : parameter.options) TRY_DO(checkDefaults(option.parameters));
  }
  return {};
}

}  // namespace

Json toJson(const Description& description) {
  Json json{{"id", description.id},        {"version", description.version},
            {"title", description.title},  {"help", description.help},
            {"in", Json::array()},         {"out", Json::array()},
            {"parameters", Json::array()}, {"figures", Json::array()},
            {"worker", description.worker}};
  if (!description.page.empty()) json["page"] = description.page;
  for (const Port& port : description.in) json["in"].push_back(toJson(port));
  for (const Port& port : description.out) json["out"].push_back(toJson(port));
  for (const Parameter& parameter : description.parameters) json["parameters"].push_back(toJson(parameter));
  for (const Figure& figure : description.figures) json["figures"].push_back(toJson(figure));
  if (!description.needs.empty()) json["needs"] = description.needs;
  if (description.interactive) json["interactive"] = true;
  if (!description.example.empty()) json["example"] = description.example;
  return json;
}

Expected<Description> descriptionFromJson(const Json& json, const std::string& file) {
  const std::string shown = file.empty() ? "description" : file;
  if (!json.is_object()) return inputError(shown + " is not a JSON object", file);
  Reader reader{file};
  Description description;
  description.id = reader.text(json, "id", "the description", true);
  const std::size_t dot = description.id.find('.');
  if (dot == 0 || dot == std::string::npos || dot + 1 == description.id.size())
    reader.wrong("id", "'" + description.id + "' is not of the form area.verb");
  if (json.contains("version")) {
    if (!json["version"].is_number_integer())
      reader.wrong("version", "is not a whole number");
    else
      description.version = json["version"].get<int>();
  }
  description.title = reader.text(json, "title", "the description", true);
  description.help = reader.text(json, "help", "the description");
  description.page = reader.text(json, "page", "the description");
  description.example = reader.text(json, "example", "the description");
  description.interactive = reader.flag(json, "interactive", "the description", false);
  if (json.contains("worker")) description.worker = reader.text(json, "worker", "the description");
  description.in = reader.ports(json, "in");
  description.out = reader.ports(json, "out");
  description.parameters = reader.parameters(json, "");
  for (const Json* item : reader.objects(json, "figures", "")) {
    TRY(figure, figureFromJson(*item));
    description.figures.push_back(std::move(figure));
  }
  if (json.contains("needs"))
    for (const Json& item : json["needs"]) {
      if (item.is_string())
        description.needs.push_back(item.get<std::string>());
      else
        reader.wrong("needs", "holds something that is not text");
    }
  if (reader.error) return *std::move(reader.error);
  if (auto checked = checkDefaults(description.parameters); !checked)
    return inputError(shown + ": a default is not allowed by its own declaration: " + checked.error().message, file);
  return description;
}

}  // namespace moescope
