// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/result/result.h"

namespace moescope::cli {

// One value of a result in the forms of `export` (contract section 2b).
// {"name","kind","unit","axes":[{"name","labels"}],"values":nested,"baseline","low","high"} for arrays; columns for
// tables; ...
Json valueJson(const Result& result, const Value& value);
// Tidy: one row an entry, a column an axis, then value (and baseline, low, high). Tables as they are. Usage error for
// what has no rows.
Expected<std::string> valueCsv(const Result& result, const Value& value);
// A table of LaTeX's booktabs: rows are an array's first axis, columns its second, or value, baseline and interval;
// tables as they are. Usage error for the rest.
Expected<std::string> valueLatex(const Result& result, const Value& value);
// NumPy format 1.0, C order: float64, or int64 for whole numbers. Arrays only.
Expected<std::string> valueNpy(const Value& value, const Result& result);

}  // namespace moescope::cli
