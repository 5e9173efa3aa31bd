// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/checkpoint/small_floats.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace moescope {
namespace {

enum class Specials { ieee, finite, single };  // E5M2; E4M3: only all ones is NaN; FNUZ: only the negative zero is NaN

struct Format {
  int exponentBits, bias;
  Specials specials;
};

float valueOf(int code, const Format& format) {
  const int mantissaBits = 7 - format.exponentBits, mantissas = 1 << mantissaBits;
  const int mantissa = code % mantissas, exponent = code / mantissas % (1 << format.exponentBits);
  const float sign = code >= 128 ? -1.0f : 1.0f;
  const bool top = exponent == (1 << format.exponentBits) - 1;
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  if (format.specials == Specials::single && code == 128) return nan;
  if (format.specials == Specials::finite && top && mantissa == mantissas - 1) return nan;
  if (format.specials == Specials::ieee && top)
    return mantissa > 0 ? nan : sign * std::numeric_limits<float>::infinity();
  const int whole = exponent > 0 ? mantissas + mantissa : mantissa;
  return sign * std::ldexp(static_cast<float>(whole), std::max(exponent, 1) - format.bias - mantissaBits);
}

std::array<float, 256> tableOf(const Format& format) {
  std::array<float, 256> table;
  for (int code = 0; code < 256; ++code) table[static_cast<std::size_t>(code)] = valueOf(code, format);
  return table;
}

std::array<float, 256> powersOfTwo() {
  std::array<float, 256> table;
  for (int code = 0; code < 255; ++code) table[static_cast<std::size_t>(code)] = std::ldexp(1.0f, code - 127);
  table[255] = std::numeric_limits<float>::quiet_NaN();
  return table;
}

}  // namespace

const std::array<float, 256>* smallFloats(std::string_view dtype) {
  static const std::array e4m3 = tableOf({4, 7, Specials::finite}), e5m2 = tableOf({5, 15, Specials::ieee}),
                          e8m0 = powersOfTwo(), e4m3fnuz = tableOf({4, 8, Specials::single}),
                          e5m2fnuz = tableOf({5, 16, Specials::single});
  if (dtype == "F8_E4M3") return &e4m3;
  if (dtype == "F8_E5M2") return &e5m2;
  if (dtype == "F8_E8M0") return &e8m0;
  if (dtype == "F8_E4M3FNUZ") return &e4m3fnuz;
  return dtype == "F8_E5M2FNUZ" ? &e5m2fnuz : nullptr;
}

}  // namespace moescope
