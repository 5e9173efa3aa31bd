// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace moescope {

// Objects keep their keys sorted, so a dump is canonical. Include <nlohmann/json.hpp> where values are touched.
using Json = nlohmann::json;

// Sorted keys, no spaces, shortest reals that read back equal, UTF-8; NaN becomes null, infinities "inf" and "-inf".
std::string canonical(const Json& json);

// A real as the contract writes it in JSON: NaN is null, infinities are "inf" and "-inf". And back (anything else: NaN).
Json jsonReal(double value);
double realFromJson(const Json& json);

}  // namespace moescope
