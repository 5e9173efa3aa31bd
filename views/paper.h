// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QSize>
#include <filesystem>
#include <string>

#include "core/base/expected.h"
#include "core/result/drawing.h"
#include "views/figure_file.h"
#include "views/figure_provenance.h"
#include "views/venue.h"

namespace moescope {

struct PaperStyle {
  Venue venue;
  bool full = false;      // the whole width of the page, else one column
  bool stripped = false;  // no names, ids or paths in the file, for double-blind work
  int width() const { return full ? venue.full : venue.column; }
};

// Size of the figure in points: the venue's width, and the height that its content needs.
QSize paperSize(const Drawing& drawing, const PaperStyle& style);

// Writes a .pdf (vector, fonts embedded, the matrix as a lossless image, its values attached), .svg, .png (600 dpi),
// .tex (pgfplots) or .csv file, always on white paper whatever the theme. All of it is there or nothing. Needs a
// QGuiApplication (an offscreen one will do) except for .tex and .csv. Usage error for another ending.
Expected<void> exportFigure(const Drawing& drawing, const PaperStyle& style, const Provenance& provenance,
                            const std::filesystem::path& file);

// The same as bytes, before they go anywhere (the clipboard): ".pdf", ".svg" or ".png".
Expected<QByteArray> figureBytes(const Drawing& drawing, const PaperStyle& style, const Provenance& provenance,
                                 std::string_view ending);

}  // namespace moescope
