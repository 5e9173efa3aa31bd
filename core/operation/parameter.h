// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/expected.h"

namespace moescope {

enum class ParameterType { integer, real, flag, text, path, choice, list };

struct Parameter;

// One value of a choice, with the parameters that only matter when it is chosen; they are named OPTION.KEY.
struct Option {
  std::string name;
  std::string help;
  std::vector<Parameter> parameters = {};
};

// One declared parameter: form, command line, digest and validation all come from this.
struct Parameter {
  std::string name;  // lower_snake_case
  ParameterType type = ParameterType::integer;
  Json initial;              // the default; null where a value must be given
  double low = 0, high = 0;  // inclusive, for numbers (and for each item of a list)
  std::string unit;          // "" for none
  std::string help;          // one sentence
  std::vector<Option> options = {};
  bool primary = true;  // among the few that a form shows before "more"
  Parameter secondary() && {
    primary = false;
    return std::move(*this);
  }
};

Parameter integer(std::string name, std::int64_t initial, double low, double high, std::string unit, std::string help);
Parameter real(std::string name, double initial, double low, double high, std::string unit, std::string help);
Parameter flag(std::string name, bool initial, std::string help);
Parameter text(std::string name, std::string initial, std::string help);
Parameter path(std::string name, std::string help);  // an outside file or folder, "" by default
Parameter choice(std::string name, std::string initial, std::vector<Option> options, std::string help);
Parameter list(std::string name, Json initial, std::string help);  // of numbers or strings

// Checked values for one call: every declared parameter has one. Asking for an undeclared name is a bug (assert).
class Parameters {
 public:
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  bool flag(std::string_view name) const;
  const std::string& text(std::string_view name) const;  // also path and choice
  const Json& value(std::string_view name) const;
  bool given(std::string_view name) const;     // differs from the default
  const Json& all() const { return values_; }  // object, every parameter
  const Json& changed() const {
    return changed_;
  }  // object, only those that differ from their defaults: what is hashed

 private:
  friend Expected<Parameters> checkParameters(const std::vector<Parameter>&, const Json&);
  Json values_ = Json::object();
  Json changed_ = Json::object();
};

// Usage errors name the parameter, what was given, what is allowed and the nearest right name or value. NaN is refused.
// A parameter of an option that is not chosen is refused. Strings that read as numbers or booleans are taken as such
// (argv).
Expected<Parameters> checkParameters(const std::vector<Parameter>& declared, const Json& given);

// The known name nearest to a mistyped one ("" when nothing is near): for "did you mean".
std::string nearestName(std::string_view given, const std::vector<std::string>& known);

}  // namespace moescope
