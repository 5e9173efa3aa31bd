// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result/figure.h"
#include "core/result/result.h"

// How names, units and numbers become the words of a figure: titles, captions, axis labels, read-outs.
namespace moescope {

// "max_violation" -> "max violation", "cv" -> "CV"; a figure's option "names" goes first.
std::string words(std::string_view name, const Figure& figure);
std::string sentence(std::string text);        // first letter upper case
std::string unitWords(std::string_view unit);  // "x fair share" -> "× fair share"
// The unit, unless the name ends with it: "effective experts, experts" says nothing more.
std::string besides(std::string_view said, std::string_view unit);
std::string quantity(std::string_view name, std::string_view unit,
                     const Figure& figure);  // "utilisation, × fair share"

std::string place(const Axis& axis, std::size_t index);  // "layer 22 (block 22)"
std::string shortLabel(const std::string& label);        // "22 (block 22)" -> "22"

// "3.41 × fair [3.28, 3.55]"; no interval when low is NaN; "no value" for NaN.
std::string measured(double value, std::string_view unit, double low, double high);

// Numbers with equally many decimals, three significant digits in the largest; "" for NaN. `tiny`: what would print as 0 and
// is not has digits of its own.
std::vector<std::string> evenly(const std::vector<double>& values, bool whole, bool tiny = true);

// "98,304 tokens, 412 documents" from a result's facts; "" when it has none.
std::string sizeWords(const Json& facts);
std::string grouped(std::int64_t count);  // "98,304"

// "a · b · c" of those that are not empty.
std::string captioned(const std::vector<std::string>& parts);

// The figure's title, or one made of its value and axes; what is held fixed goes before it: "Layer 22, experts by
// load".
std::string titleOf(const Figure& figure, std::string_view made, std::string_view at);

}  // namespace moescope
