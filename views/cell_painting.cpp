// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/cell_painting.h"

#include <QFontMetricsF>
#include <algorithm>
#include <cmath>

namespace moescope {

namespace {

constexpr std::int64_t mostNumbers = 64;  // cells that are printed with their numbers

// Colours of a whole matrix: the stops are looked up once.
struct Palette {
  const Cells& cells;
  const ColourScale& scale;
  std::vector<Rgb> stops;
  QColor neutral;

  Palette(const Cells& matrix, const ColourScale& colours, const PaintStyle& style)
      : cells(matrix),
        scale(colours),
        stops(colourStops(colours.map, style.ground)),
        neutral(colour(style.ground.neutral)) {}
  bool missing(std::size_t cell) const { return std::isnan(cells.colour[cell]); }
  bool grey(std::size_t cell) const { return !cells.grey.empty() && cells.grey[cell]; }
  QColor of(std::size_t cell) const {
    if (grey(cell)) return neutral;
    return colour(
        mixed(stops, scale.high > scale.low ? (cells.colour[cell] - scale.low) / (scale.high - scale.low) : 0.5));
  }
};

void hatch(QPainter& painter, const QRectF& cell, const PaintStyle& style, double width) {
  painter.fillRect(cell, style.surface);
  painter.setPen(solidPen(style.ink(Ink::line), width));
  painter.drawLine(cell.bottomLeft(), cell.topRight());
}

// Cells of the screen have whole-pixel edges, so that gaps are equally wide.
double snapped(double value, const PaintStyle& style) {
  return style.cellsAsImage ? value : std::round(value);
}

void paintRectangles(QPainter& painter, const Palette& palette, const Frame& frame, const PaintStyle& style,
                     double gap) {
  const Cells& cells = palette.cells;
  const QFontMetricsF metrics(style.font, painter.device());
  const bool numbers = !cells.text.empty() && cells.rows * cells.columns <= mostNumbers;
  painter.setFont(style.font);
  for (std::int64_t row = 0; row < cells.rows; ++row)
    for (std::int64_t column = 0; column < cells.columns; ++column) {
      const auto cell = static_cast<std::size_t>(row * cells.columns + column);
      const double left = snapped(frame.across(double(column) - 0.5), style),
                   right = snapped(frame.across(double(column) + 0.5), style);
      const double top = snapped(frame.down(double(row) - 0.5), style),
                   bottom = snapped(frame.down(double(row) + 0.5), style);
      QRectF box = QRectF(QPointF(left, std::min(top, bottom)), QPointF(right, std::max(top, bottom)))
                       .adjusted(0, 0, -gap, -gap);
      box &= frame.area;
      if (box.isEmpty()) continue;
      if (palette.missing(cell)) {
        hatch(painter, box, style, style.thin * style.unit);
        continue;
      }
      const QColor fill = palette.of(cell);
      painter.fillRect(box, fill);
      if (!numbers) continue;
      const QString text = QString::fromStdString(cells.text[cell]);
      if (metrics.horizontalAdvance(text) + 4 * style.unit > box.width() || metrics.height() > box.height()) continue;
      const Rgb ground{std::uint8_t(fill.red()), std::uint8_t(fill.green()), std::uint8_t(fill.blue())};
      painter.setPen(palette.grey(cell)       ? style.ink(Ink::muted)
                     : wantsLightText(ground) ? QColor(Qt::white)
                                              : QColor(Qt::black));
      painter.drawText(box, Qt::AlignCenter, text);
    }
}

}  // namespace

QImage cellImage(const Cells& cells, const ColourScale& scale, const PaintStyle& style, int factor) {
  const Palette palette(cells, scale, style);
  QImage image(int(cells.columns), int(cells.rows), QImage::Format_RGB32);
  std::vector<std::size_t> gaps;
  for (int row = 0; row < image.height(); ++row) {
    auto* line = reinterpret_cast<QRgb*>(image.scanLine(row));
    for (int column = 0; column < image.width(); ++column) {
      const auto cell =
          static_cast<std::size_t>(row) * static_cast<std::size_t>(cells.columns) + static_cast<std::size_t>(column);
      line[column] = palette.missing(cell) ? style.surface.rgb() : palette.of(cell).rgb();
      if (palette.missing(cell)) gaps.push_back(cell);
    }
  }
  if (factor <= 1) return image;
  image = image.scaled(image.width() * factor, image.height() * factor, Qt::IgnoreAspectRatio, Qt::FastTransformation);
  QPainter painter(&image);
  for (std::size_t cell : gaps) {
    const auto column = static_cast<std::int64_t>(cell) % cells.columns,
               row = static_cast<std::int64_t>(cell) / cells.columns;
    hatch(painter, QRectF(double(column * factor), double(row * factor), factor, factor), style,
          std::max(1.0, factor / 8.0));
  }
  return image;
}

void paintCells(QPainter& painter, const Cells& cells, const ColourScale& scale, const QRectF& area, const Frame& frame,
                const PaintStyle& style) {
  if (area.isEmpty()) return;
  painter.save();
  painter.setRenderHint(QPainter::Antialiasing, false);
  const double width = std::abs(frame.across(1) - frame.across(0)), height = std::abs(frame.down(1) - frame.down(0));
  const double smallest = std::min(width, height) / style.unit;
  const bool printed = !cells.text.empty() && cells.rows * cells.columns <= mostNumbers;
  if (style.cellsAsImage && !printed) {
    // Viewers smooth images; some pixels a cell keep its edges sharp.
    const auto longest = static_cast<int>(std::max(cells.rows, cells.columns));
    painter.setRenderHint(QPainter::LosslessImageRendering, true);
    painter.setRenderHint(QPainter::SmoothPixmapTransform, false);
    painter.drawImage(area, cellImage(cells, scale, style, std::clamp(2048 / longest, 1, 8)));
  } else if (smallest < 3 && !style.cellsAsImage) {
    painter.setRenderHint(QPainter::SmoothPixmapTransform, false);
    painter.drawImage(area, cellImage(cells, scale, style, 1));
  } else {
    paintRectangles(painter, Palette(cells, scale, style), frame, style,
                    smallest < 6         ? 0
                    : style.cellsAsImage ? 0.5 * style.unit
                                         : style.unit);
  }
  painter.restore();
}

void paintColourBar(QPainter& painter, const ColourScale& scale, const QRectF& area, const PaintStyle& style) {
  constexpr int steps = 256;
  const std::vector<Rgb> stops = colourStops(scale.map, style.ground);
  QImage image(1, steps, QImage::Format_RGB32);
  for (int step = 0; step < steps; ++step)
    image.setPixel(0, steps - 1 - step, colour(mixed(stops, (step + 0.5) / steps)).rgb());
  painter.save();
  painter.setRenderHint(QPainter::LosslessImageRendering, true);
  painter.setRenderHint(QPainter::SmoothPixmapTransform, false);
  painter.drawImage(area, image);
  painter.restore();
}

}  // namespace moescope
