// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "core/result/drawing.h"

// The words and numbers of a LaTeX file.
namespace moescope {

// What pdflatex has no glyph or another meaning for is escaped. Characters outside Latin-1 that it cannot set become
// "?".
std::string latex(const std::string& text);

// The shortest digits that read back to the same number; "nan", "inf", "-inf".
std::string real(double value);

// A table for a paper (package booktabs): numbers to the right, words to the left, units in the headings.
std::string booktabs(const DrawnTable& table);

// The name under which a figure's preamble defines an ink.
std::string colourName(Ink ink);

}  // namespace moescope
