// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <array>
#include <string_view>

namespace moescope {

// What each of the 256 codes of a one-byte real type means, or null for other types: F8_E4M3 (no infinities, OCP),
// F8_E5M2 (as IEEE), F8_E8M0 (a power of two), and the two FNUZ forms (one zero, one NaN).
const std::array<float, 256>* smallFloats(std::string_view dtype);

}  // namespace moescope
