// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "views/item_painting.h"

namespace moescope {

// Points with their whiskers, the selected ones in front; names beside those that have one and the room for it.
void paintDots(QPainter& painter, const Dots& dots, const Frame& frame, const PaintStyle& style);

}  // namespace moescope
