// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/item_painting.h"

namespace moescope {

// Cells into `area`: with gaps of one unit and their numbers where there is room, as one image where there are many.
void paintCells(QPainter& painter, const Cells& cells, const ColourScale& scale, const QRectF& area, const Frame& frame,
                const PaintStyle& style);

}  // namespace moescope
