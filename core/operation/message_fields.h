// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/base/expected.h"

namespace moescope {

// Members of a message that may be missing or of another type: then "" or `otherwise`.
std::string textOf(const Json& message, const char* member);
bool flagOf(const Json& message, const char* member, bool otherwise);
// Usage error that names the message's type and the member.
Expected<std::string> requiredText(const Json& message, const char* member);

}  // namespace moescope
