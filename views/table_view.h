// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTableView>
#include <memory>

#include "core/result/drawing.h"

class QStandardItemModel;

namespace moescope {

// A table of a Drawing: a click on a heading sorts by number where there are numbers, Ctrl+C copies the selected rows,
// or all of them, as CSV.
class TableView : public QTableView {
  Q_OBJECT

 public:
  explicit TableView(QWidget* parent = nullptr);
  void setDrawing(const std::shared_ptr<const Drawing>& drawing);
  QString copied() const;  // what Ctrl+C puts on the clipboard

 protected:
  void keyPressEvent(QKeyEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void fitColumns();
  QStandardItemModel* model_;
};

}  // namespace moescope
