// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "core/result/drawing.h"
#include "views/item_painting.h"
#include "views/plot_brush.h"

#include "views/plot.h"

namespace moescope {

// Axes, ticks, zoom and layers are QCustomPlot's; what lies within the axes is painted by item_painting.h, as on paper.
// Heat map and bars: hover and arrow keys read out, click chooses, dragging brushes. Lines and points: the wheel zooms,
// dragging pans, a double click shows everything again.
class PlotView : public QCustomPlot {
  Q_OBJECT

 public:
  explicit PlotView(QWidget* parent = nullptr);
  ~PlotView() override;
  void setDrawing(std::shared_ptr<const Drawing> drawing);
  void setHighlighted(const QString& axis, const std::set<qint64>& indices);
  const QString& readOut() const { return readOut_; }
  QPointF pixelOf(double x, double y) const;  // of data, in widget coordinates

 Q_SIGNALS:
  void hovered(const QString& axis, qint64 index);
  void chosen(const QString& axis, qint64 index, Qt::KeyboardModifiers modifiers);
  // A frame was dragged over cells or bars; `add` with Shift. Each axis of a heat map is told.
  void brushed(const QString& axis, const std::set<qint64>& indices, bool add);

 protected:
  void mouseMoveEvent(QMouseEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  class ItemsLayer;  // what the drawing holds
  class MarksLayer;  // what the pointer and the selection light up, and the read-out

  // What lies under the pointer: a cell, a bar, or a point of a line.
  struct Spot {
    std::optional<std::int64_t> row, column;  // of cells
    std::size_t item = 0, at = 0;             // which item; which bar or point of it
    QPointF where;                            // in pixels
    bool operator==(const Spot& other) const {
      return row == other.row && column == other.column && item == other.item && at == other.at;
    }
  };

  // Where a position lies on its axis; an empty list is the axis's own order.
  static std::int64_t indexOf(const std::vector<std::int64_t>& index, std::int64_t at) {
    return static_cast<std::size_t>(at) < index.size() ? index[static_cast<std::size_t>(at)] : at;
  }
  void restyle();
  void rearrange();  // margins and ticks for the present size
  void showAll();
  bool zooms() const;
  std::optional<Spot> spotAt(const QPointF& pixel) const;
  std::optional<Spot> spotInFlow(const Item& item, std::size_t which, const QPointF& pixel) const;
  std::vector<std::pair<QString, qint64>> placesOf(const Spot& spot) const;
  void hover(std::optional<Spot> spot);
  void choose(const Spot& spot, Qt::KeyboardModifiers modifiers);
  void brush(const QRectF& pixels, bool add);
  QString textOf(const Spot& spot) const;
  const Cells* cells() const;
  Frame frame() const;
  PaintStyle style() const;

  std::shared_ptr<const Drawing> drawing_;
  MarksLayer* marks_;
  std::optional<Spot> spot_;
  QString readOut_;
  QPointF pressed_;
  PlotBrush brush_{*this};
  std::map<QString, std::set<qint64>> highlighted_;
};

}  // namespace moescope
