// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QImage>
#include <QWidget>
#include <memory>
#include <set>

#include "core/result/drawing.h"

class QLabel;
class QStackedLayout;

namespace moescope {

class PlotView;
class FoundTable;
class TextView;

// Shows a Drawing: as a plot, a table or coloured text, or the sentence that says why there is nothing. Title and
// caption are the panel's. GUI thread.
class FigureView : public QWidget {
  Q_OBJECT

 public:
  explicit FigureView(QWidget* parent = nullptr);
  void setDrawing(std::shared_ptr<const Drawing> drawing);  // null: nothing
  // Lights these up, for instance {"expert", {5}}, wherever this figure shows that axis.
  void setHighlighted(const QString& axis, const std::set<qint64>& indices);
  void goToToken(std::int64_t run);  // of token text
  QImage picture();                  // as it is on screen, at its pixel ratio
  QString values() const;            // the drawn numbers as CSV, for the clipboard

  QSize sizeHint() const override { return {480, 320}; }
  QSize minimumSizeHint() const override { return {120, 90}; }

 Q_SIGNALS:
  // A heat map tells both of its axes, one after the other. index -1: the pointer has left.
  void hovered(const QString& axis, qint64 index);
  void chosen(const QString& axis, qint64 index, Qt::KeyboardModifiers modifiers);
  void brushed(const QString& axis, const std::set<qint64>& indices, bool add);
  void rowChosen(const QString& first);  // of a table: what stands in the row's first column

 private:
  QStackedLayout* layers_;
  QLabel* empty_;
  PlotView* plot_;
  FoundTable* table_;
  TextView* text_;
  std::shared_ptr<const Drawing> drawing_;
};

}  // namespace moescope
