// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/base/error.h"

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>

namespace moescope {

namespace {
struct KindRow {
  ErrorKind kind;
  std::string_view name;
  int exitCode;
};
constexpr std::array<KindRow, 5> kinds{{{ErrorKind::usage, "usage", 2},
                                        {ErrorKind::input, "input", 3},
                                        {ErrorKind::environment, "environment", 4},
                                        {ErrorKind::cancelled, "cancelled", 5},
                                        {ErrorKind::bug, "bug", 70}}};
}  // namespace

int exitCode(ErrorKind kind) { return kinds[static_cast<std::size_t>(kind)].exitCode; }
std::string_view name(ErrorKind kind) { return kinds[static_cast<std::size_t>(kind)].name; }

std::optional<ErrorKind> errorKindFromName(std::string_view name) {
  for (const KindRow& row : kinds)
    if (row.name == name) return row.kind;
  return std::nullopt;
}

Json toJson(const Error& error) {
  Json json{{"kind", name(error.kind)}, {"message", error.message}};
  if (!error.file.empty()) json["file"] = error.file;
  if (error.offset) json["offset"] = *error.offset;
  return json;
}

Error errorFromJson(const Json& json) {
  Error error;
  if (!json.is_object()) return error;
  auto text = [&](const char* key) {
    return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : std::string{};
  };
  error.kind = errorKindFromName(text("kind")).value_or(ErrorKind::bug);
  error.message = text("message");
  error.file = text("file");
  if (json.contains("offset") && json["offset"].is_number_unsigned()) error.offset = json["offset"].get<std::uint64_t>();
  return error;
}

Error usageError(std::string message) { return {ErrorKind::usage, std::move(message)}; }
Error inputError(std::string message, std::string file, std::optional<std::uint64_t> offset) {
  return {ErrorKind::input, std::move(message), std::move(file), offset};
}
Error environmentError(std::string message, std::string file) {
  return {ErrorKind::environment, std::move(message), std::move(file)};
}
Error cancelledError() { return {ErrorKind::cancelled, "cancelled"}; }
Error bugError(std::string message) { return {ErrorKind::bug, std::move(message)}; }

Error systemError(std::string_view what, std::string file, int code) {
  const bool missing = code == ENOENT || code == ENOTDIR || code == EACCES || code == EISDIR;
  std::string message = "cannot " + std::string(what) + " " + file + ": " + std::generic_category().message(code);
  return {missing ? ErrorKind::input : ErrorKind::environment, std::move(message), std::move(file)};
}

}  // namespace moescope
