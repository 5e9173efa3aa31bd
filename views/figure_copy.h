// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>

#include "views/paper.h"

namespace moescope {

// Onto the clipboard: the picture as it is on the screen and as SVG for paper, and its values as CSV and text, so that
// each program takes what it can. What SVG cannot be painted of still goes as a picture; then the error is given.
Expected<void> copyFigure(const Drawing& drawing, const QImage& picture, const PaperStyle& style,
                          const Provenance& provenance);
void copyText(const QString& text, const QString& type);

}  // namespace moescope
