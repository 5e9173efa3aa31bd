// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QPainter>
#include <functional>
#include <vector>

#include "core/result/colours.h"
#include "core/result/drawing.h"

// The one painter of a Drawing's items, for screen, PDF, SVG and PNG. Nothing it paints lies outside the axes, whether
// or not the device clips.
namespace moescope {

// Where the axes lie, in the painter's units. The axes' low, high, reversed and logarithmic are used.
struct Frame {
  QRectF area;
  DrawingAxis x, y;

  double across(double value) const;  // of an x value; not finite outside a logarithmic axis
  double down(double value) const;
};

struct PaintStyle {
  std::function<QColor(Ink)> ink;
  Ground ground;                          // for colour maps
  QColor surface;                         // behind everything
  QFont font;                             // of labels and numbers in cells
  double unit = 1;                        // one pixel on screen, one point on paper, in the painter's units
  double line = 1.5, thin = 1, axis = 1;  // widths, in units
  bool cellsAsImage = false;              // on paper: one lossless image
  QColor selectionInk;
};

QColor colour(const Rgb& rgb);
// The hue, moved towards black or white until text of it is read on this ground (contrast 4.5 : 1).
QColor legible(const QColor& hue, const QColor& ground);
QPen solidPen(const QColor& colour, double width);

void paintItems(QPainter& painter, const Drawing& drawing, const Frame& frame, const PaintStyle& style);

// The labels at the right ends of lines, moved apart so that none overlap; they lie right of frame.area.
void paintEndLabels(QPainter& painter, const Drawing& drawing, const Frame& frame, const PaintStyle& style);
double endLabelWidth(const Drawing& drawing, const QFont& font, const QPaintDevice* device);

// The matrix as an image of `factor` x `factor` pixels a cell: grey cells in the neutral colour, cells that do not
// exist hatched.
QImage cellImage(const Cells& cells, const ColourScale& scale, const PaintStyle& style, int factor);

// The colours of a scale from bottom to top, in `area`.
void paintColourBar(QPainter& painter, const ColourScale& scale, const QRectF& area, const PaintStyle& style);

}  // namespace moescope
