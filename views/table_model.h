// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <memory>

#include "core/result/drawing.h"

namespace moescope {

// The table of a Drawing for a view: nothing is copied, so that a hundred thousand rows cost an index each. Sorts by
// number where a column has numbers (a missing one is below every other), keeps the rows that hold a filter's words in
// any cell. GUI thread.
class TableModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  using QAbstractTableModel::QAbstractTableModel;
  void setDrawing(const std::shared_ptr<const Drawing>& drawing);
  void setFilter(const QString& words);  // all of them, in any order and any case
  bool flushRight(int column) const { return right_[static_cast<std::size_t>(column)]; }
  std::size_t allRows() const;           // before the filter
  QString csv(const std::vector<int>& rows) const;

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
  void sort(int column, Qt::SortOrder order) override;

 private:
  const DrawnTable& table() const { return *drawing_->table; }
  std::size_t place(int row) const { return rows_[static_cast<std::size_t>(row)]; }
  void arrange();

  std::shared_ptr<const Drawing> drawing_;
  std::vector<std::size_t> rows_;  // of the drawing, as they are shown
  std::vector<bool> right_;        // columns that are set flush right
  QString filter_;
  int sorted_ = -1;
  Qt::SortOrder order_ = Qt::AscendingOrder;
};

}  // namespace moescope
