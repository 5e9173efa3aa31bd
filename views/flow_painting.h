// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPainterPath>
#include <optional>

#include "views/item_painting.h"

namespace moescope {

// Nodes of a flow, each with its name at its right where it is tall enough for one.
void paintBlocks(QPainter& painter, const Blocks& blocks, const Frame& frame, const PaintStyle& style);

// Bands between nodes, coloured by the scale; without one in the quiet ink. The selected ones are in front.
void paintRibbons(QPainter& painter, const Ribbons& ribbons, const std::optional<ColourScale>& scale,
                  const Frame& frame, const PaintStyle& style);

QRectF blockBox(const Blocks& blocks, std::size_t i, const Frame& frame);
QPainterPath ribbonPath(const Ribbons& ribbons, std::size_t i, const Frame& frame);

}  // namespace moescope
