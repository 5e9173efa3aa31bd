// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/operation/message_fields.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace moescope {

std::string textOf(const Json& json, const char* key) {
  return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string();
}
bool flagOf(const Json& json, const char* key, bool otherwise) {
  return json.contains(key) && json[key].is_boolean() ? json[key].get<bool>() : otherwise;
}

Expected<std::string> requiredText(const Json& message, const char* key) {
  std::string text = textOf(message, key);
  if (text.empty()) return usageError(fmt::format("{} needs \"{}\"", textOf(message, "type"), key));
  return text;
}

}  // namespace moescope
