// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/parameter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "core/base/json_reading.h"
#include "core/base/words.h"

namespace moescope {

namespace {

std::optional<double> realFromText(std::string_view text) {
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string shown(const Json& value) {
  std::string text = canonical(value);
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return text;
}

std::string allowedRange(const Parameter& parameter) {
  const bool whole = parameter.type == ParameterType::integer;
  const std::string kind = whole ? "a whole number" : "a number";
  const std::string unit = parameter.unit.empty() ? "" : " " + parameter.unit;
  return fmt::format("{} from {} to {}{}", kind, parameter.low, parameter.high, unit);
}

Error refused(const std::string& name, const Json& given, const std::string& allowed) {
  return usageError(fmt::format("parameter {} is {}; give {}", name, shown(given), allowed));
}

// The number that was given, also as text (argv); nothing for anything else.
std::optional<double> numberFrom(const Json& given) {
  if (given.is_number()) return given.get<double>();
  if (given.is_string()) return realFromText(given.get_ref<const std::string&>());
  return std::nullopt;
}

Expected<Json> checkInteger(const std::string& name, const Parameter& parameter, const Json& given) {
  constexpr double exact = 9007199254740992.0;  // 2^53: beyond it a double no longer says which whole number was meant
  const std::optional<double> number = numberFrom(given);
  const bool fits = number && std::isfinite(*number) && *number == std::floor(*number) && std::abs(*number) <= exact;
  if (!fits || *number < parameter.low || *number > parameter.high)
    return refused(name, given, allowedRange(parameter));
  return Json(static_cast<std::int64_t>(*number));
}

Expected<Json> checkReal(const std::string& name, const Parameter& parameter, const Json& given) {
  const std::optional<double> number = numberFrom(given);
  if (!number || !std::isfinite(*number) || *number < parameter.low || *number > parameter.high)
    return refused(name, given, allowedRange(parameter));
  return Json(*number + 0.0);  // -0 and 0 are one request
}

Expected<Json> checkFlag(const std::string& name, const Json& given) {
  if (given.is_boolean()) return given;
  if (given == "true" || given == "1" || given == 1) return Json(true);
  if (given == "false" || given == "0" || given == 0) return Json(false);
  return refused(name, given, "true or false");
}

Expected<Json> checkChoice(const std::string& name, const Parameter& parameter, const Json& given) {
  std::vector<std::string> known;
  for (const Option& option : parameter.options) known.push_back(option.name);
  if (given.is_string() && std::find(known.begin(), known.end(), given.get_ref<const std::string&>()) != known.end())
    return given;
  std::string allowed = fmt::format("one of {}", fmt::join(known, ", "));
  const std::string nearest = given.is_string() ? nearestName(given.get_ref<const std::string&>(), known) : "";
  if (!nearest.empty()) allowed += fmt::format("; did you mean {}?", nearest);
  return refused(name, given, allowed);
}

Expected<Json> checkList(const std::string& name, const Parameter& parameter, const Json& given) {
  Json items = given;
  if (given.is_string() && given.get_ref<const std::string&>().starts_with("[")) {
    auto parsed = parseJson(given.get_ref<const std::string&>());
    if (!parsed) return refused(name, given, "a JSON list such as [0,1] or [\"german\"]");
    items = *std::move(parsed);
  } else if (given.is_string() || given.is_number()) {
    items = Json::array({given});
  }
  if (!items.is_array()) return refused(name, given, "a JSON list such as [0,1] or [\"german\"]");
  for (const Json& item : items) {
    const bool number = item.is_number() && std::isfinite(item.get<double>());
    if (!number && !item.is_string()) return refused(name, given, "a list of numbers or strings only");
    const bool ranged = parameter.low < parameter.high;
    if (number && ranged && (item.get<double>() < parameter.low || item.get<double>() > parameter.high))
      return refused(name, given, fmt::format("items from {} to {}", parameter.low, parameter.high));
  }
  return items;
}

Expected<Json> checkValue(const std::string& name, const Parameter& parameter, const Json& given) {
  switch (parameter.type) {
    case ParameterType::integer:
      return checkInteger(name, parameter, given);
    case ParameterType::real:
      return checkReal(name, parameter, given);
    case ParameterType::flag:
      return checkFlag(name, given);
    case ParameterType::choice:
      return checkChoice(name, parameter, given);
    case ParameterType::list:
      return checkList(name, parameter, given);
    case ParameterType::text:
    case ParameterType::path:
      if (!given.is_string()) return refused(name, given, "text");
      return given;
  }
  return bugError("parameter " + name + " has a type that is not known");
}

struct Check {
  const Json& given;
  Json values = Json::object();
  Json changed = Json::object();
  std::vector<std::string> known = {};  // names that may be set here
  std::vector<std::pair<std::string, std::string>> unchosen =
      {};                             // names of options not chosen, and what would choose them
  std::optional<Error> missing = {};  // reported last: a misspelt name is why a value is missing

  Expected<void> all(const std::vector<Parameter>& declared, const std::string& prefix, bool chosen,
                     const std::string& chooser);
  Expected<void> one(const Parameter& parameter, const std::string& name, bool chosen);
};

Expected<void> Check::one(const Parameter& parameter, const std::string& name, bool chosen) {
  const auto found = chosen ? given.find(name) : given.end();
  if (found == given.end()) {
    if (chosen && parameter.initial.is_null() && !missing)
      missing = usageError("parameter " + name + " needs a value: " + parameter.help);
    values[name] = parameter.initial;
    return {};
  }
  TRY(value, checkValue(name, parameter, *found));
  if (value != parameter.initial) changed[name] = value;
  values[name] = std::move(value);
  return {};
}

Expected<void> Check::all(const std::vector<Parameter>& declared, const std::string& prefix, bool chosen,
                          const std::string& chooser) {
  for (const Parameter& parameter : declared) {
    const std::string name = prefix + parameter.name;
    if (chosen)
      known.push_back(name);
    else
      unchosen.emplace_back(name, chooser);
    TRY_DO(one(parameter, name, chosen));
    for (const Option& option : parameter.options)
      TRY_DO(all(option.parameters, prefix + option.name + ".", chosen && values[name] == option.name,
                 name + "=" + option.name));
  }
  return {};
}

Parameter declare(std::string name, ParameterType type, Json initial, std::string help) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.type = type;
  parameter.initial = std::move(initial);
  parameter.help = std::move(help);
  return parameter;
}

Parameter declareNumber(std::string name, ParameterType type, Json initial, double low, double high, std::string unit,
                        std::string help) {
  Parameter parameter = declare(std::move(name), type, std::move(initial), std::move(help));
  parameter.low = low;
  parameter.high = high;
  parameter.unit = std::move(unit);
  return parameter;
}

}  // namespace

Parameter integer(std::string name, std::int64_t initial, double low, double high, std::string unit, std::string help) {
  return declareNumber(std::move(name), ParameterType::integer, initial, low, high, std::move(unit), std::move(help));
}
Parameter real(std::string name, double initial, double low, double high, std::string unit, std::string help) {
  return declareNumber(std::move(name), ParameterType::real, initial, low, high, std::move(unit), std::move(help));
}
Parameter flag(std::string name, bool initial, std::string help) {
  return declare(std::move(name), ParameterType::flag, initial, std::move(help));
}
Parameter text(std::string name, std::string initial, std::string help) {
  return declare(std::move(name), ParameterType::text, std::move(initial), std::move(help));
}
Parameter path(std::string name, std::string help) {
  return declare(std::move(name), ParameterType::path, "", std::move(help));
}
Parameter choice(std::string name, std::string initial, std::vector<Option> options, std::string help) {
  Parameter parameter = declare(std::move(name), ParameterType::choice, std::move(initial), std::move(help));
  parameter.options = std::move(options);
  return parameter;
}
Parameter list(std::string name, Json initial, std::string help) {
  return declare(std::move(name), ParameterType::list, std::move(initial), std::move(help));
}

const Json& Parameters::value(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  assert(found != values_.end() && "asked for a parameter that is not declared");
  static const Json none;
  return found == values_.end() ? none : *found;
}
std::int64_t Parameters::integer(std::string_view name) const {
  return value(name).get<std::int64_t>();
}
double Parameters::real(std::string_view name) const {
  return value(name).get<double>();
}
bool Parameters::flag(std::string_view name) const {
  return value(name).get<bool>();
}
const std::string& Parameters::text(std::string_view name) const {
  return value(name).get_ref<const std::string&>();
}
bool Parameters::given(std::string_view name) const {
  return changed_.contains(std::string(name));
}

Expected<Parameters> checkParameters(const std::vector<Parameter>& declared, const Json& given) {
  static const Json nothing = Json::object();
  if (!given.is_object() && !given.is_null())
    return usageError("parameters are " + shown(given) + "; give an object of names and values");
  Check check{given.is_null() ? nothing : given};
  TRY_DO(check.all(declared, "", true, ""));
  for (const auto& [name, value] : check.given.items()) {
    if (std::find(check.known.begin(), check.known.end(), name) != check.known.end()) continue;
    for (const auto& [other, chooser] : check.unchosen)
      if (other == name) return usageError(fmt::format("parameter {} needs {}", name, chooser));
    const std::string nearest = nearestName(name, check.known);
    return usageError(nearest.empty()
                          ? fmt::format("there is no parameter {}; there are {}", name, fmt::join(check.known, ", "))
                          : fmt::format("there is no parameter {}; did you mean {}?", name, nearest));
  }
  if (check.missing) return *std::move(check.missing);
  Parameters parameters;
  parameters.values_ = std::move(check.values);
  parameters.changed_ = std::move(check.changed);
  return parameters;
}

std::string nearestName(std::string_view given, const std::vector<std::string>& known) {
  const std::vector<std::string> near = nearestWords(given, known, 1);
  return near.empty() ? std::string{} : near.front();
}

}  // namespace moescope
