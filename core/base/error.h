// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/json.h"

namespace moescope {

// What went wrong, for whom: the kind decides the exit code (contract section 1).
enum class ErrorKind {
  usage,        // 2: unknown name, wrong type, out of range
  input,        // 3: a file, path or study that is missing, damaged, empty or newer
  environment,  // 4: disk, memory, device, library, a study held by another host
  cancelled,    // 5
  bug,          // 70: our own mistake
};

// One failure: `message` is a whole sentence that names what was wrong and what to do.
struct Error {
  ErrorKind kind = ErrorKind::bug;
  std::string message;
  std::string file = {};                       // the foreign file, if one is to blame
  std::optional<std::uint64_t> offset = {};    // bytes into it
};

int exitCode(ErrorKind kind);
std::string_view name(ErrorKind kind);
std::optional<ErrorKind> errorKindFromName(std::string_view name);

// {"kind","message"[,"file"][,"offset"]}, and back (unknown kinds become bug).
Json toJson(const Error& error);
Error errorFromJson(const Json& json);

Error usageError(std::string message);
Error inputError(std::string message, std::string file = {}, std::optional<std::uint64_t> offset = {});
Error environmentError(std::string message, std::string file = {});
Error cancelledError();
Error bugError(std::string message);

// The last system error as an environment (or, for a missing path, input) error: "cannot WHAT FILE: No such file or directory".
Error systemError(std::string_view what, std::string file, int code);

}  // namespace moescope
