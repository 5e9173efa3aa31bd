// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/result/drawing.h"

namespace moescope {

// What a drawing shows as a table for a paper (package booktabs): its table, else its numbers at three significant
// digits, at most `rows` of them.
std::string latexTable(const Drawing& drawing, std::size_t rows = 60);

}  // namespace moescope
