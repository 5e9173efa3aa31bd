// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/json.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/base/file.h"
#include "core/base/json_reading.h"

namespace moescope {

namespace {
// The library writes non-finite reals as null; the contract tells infinities apart, so they are replaced first.
bool holdsInfinity(const Json& json) {
  if (json.is_number_float()) return std::isinf(json.get<double>());
  if (!json.is_structured()) return false;
  for (const Json& item : json)
    if (holdsInfinity(item)) return true;
  return false;
}

Json withoutInfinities(const Json& json) {
  if (json.is_number_float()) return jsonReal(json.get<double>());
  if (!json.is_structured()) return json;
  Json copy = json;
  for (Json& item : copy) item = withoutInfinities(item);
  return copy;
}
}  // namespace

std::string canonical(const Json& json) {
  return (holdsInfinity(json) ? withoutInfinities(json) : json).dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json jsonReal(double value) {
  if (std::isnan(value)) return nullptr;
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

double realFromJson(const Json& json) {
  if (json.is_number()) return json.get<double>();
  if (json.is_string() && json.get_ref<const std::string&>() == "inf") return std::numeric_limits<double>::infinity();
  if (json.is_string() && json.get_ref<const std::string&>() == "-inf") return -std::numeric_limits<double>::infinity();
  return std::numeric_limits<double>::quiet_NaN();
}

Expected<Json> parseJson(std::string_view text, const std::string& file) {
  constexpr int deepest = 128;
  // A hostile nesting must not reach the recursive destructor of values, so depth is counted before parsing.
  int depth = 0;
  bool inString = false, escaped = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    // The library takes it for the end of the text.
    if (c == '\0') return inputError(file + (file.empty() ? "" : ": ") + "a NUL at byte " + std::to_string(at) + " is no JSON", file, at);
    if (inString) {
      if (escaped) escaped = false;
      else if (c == '\\') escaped = true;
      else if (c == '"') inString = false;
    } else if (c == '"') {
      inString = true;
    } else if (c == '{' || c == '[') {
      if (++depth > deepest) return inputError(file + (file.empty() ? "" : ": ") + "JSON is nested deeper than 128 levels", file, at);
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  try {
    Json json = Json::parse(text.begin(), text.end());
    return json;
  } catch (const Json::parse_error& error) {
    return inputError(file.empty() ? std::string("not valid JSON at byte ") + std::to_string(error.byte)
                                   : file + " is not valid JSON at byte " + std::to_string(error.byte),
                      file, error.byte);
  } catch (const Json::exception& error) {
    return inputError(std::string("not valid JSON: ") + error.what(), file);
  }
}

Expected<Json> readJson(const std::filesystem::path& path, std::uint64_t maximumBytes) {
  TRY(text, readFile(path, maximumBytes));
  return parseJson(text, path.string());
}

}  // namespace moescope
