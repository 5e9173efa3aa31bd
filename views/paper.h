// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSize>
#include <filesystem>
#include <string>

#include "core/base/expected.h"
#include "core/result/drawing.h"
#include "views/venue.h"

namespace moescope {

struct PaperStyle {
  Venue venue;
  bool full = false;  // the whole width of the page, else one column
  int width() const { return full ? venue.full : venue.column; }
};

// Where a figure comes from: written into PDF metadata, SVG description and PNG text as JSON.
struct Provenance {
  std::string operation, request, result;  // id, digest, artifact id
  std::string json() const;                // with the program's version
};

// Size of the figure in points: the venue's width, and the height that its content needs.
QSize paperSize(const Drawing& drawing, const PaperStyle& style);

// Writes a .pdf (vector, fonts embedded, the matrix as a lossless image, its values attached), .svg, .png (600 dpi),
// .tex (pgfplots) or .csv file, always on white paper whatever the theme. All of it is there or nothing. Needs a
// QGuiApplication (an offscreen one will do) except for .tex and .csv. Usage error for another ending.
Expected<void> exportFigure(const Drawing& drawing, const PaperStyle& style, const Provenance& provenance,
                            const std::filesystem::path& file);

}  // namespace moescope
