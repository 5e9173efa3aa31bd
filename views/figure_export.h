// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

#include "views/paper.h"

class QWidget;

namespace moescope {

// Asks for the file, proposes a name from the title, and writes the drawing there. `format` is "pdf", "svg", "png",
// "tex", "csv" or "html" (token text). Nothing happens when no file is chosen.
Expected<void> exportDrawing(const Drawing& drawing, const QString& format, const PaperStyle& style,
                             const Provenance& provenance, QWidget* parent);

// A file name from a title, without an ending: "load-by-layer-and-expert".
QString fileNameFor(const Drawing& drawing);

}  // namespace moescope
