// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTableView>
#include <memory>

#include "core/result/drawing.h"

class QLabel;
class QLineEdit;

namespace moescope {

class TableModel;

// A table of a Drawing: a click on a heading sorts, Ctrl+C copies the selected rows, or all of them, as CSV.
class TableView : public QTableView {
  Q_OBJECT

 public:
  explicit TableView(QWidget* parent = nullptr);
  void setDrawing(const std::shared_ptr<const Drawing>& drawing);
  void setFilter(const QString& words);
  QString copied() const;  // what Ctrl+C puts on the clipboard
  TableModel& rows() { return *model_; }

 protected:
  void keyPressEvent(QKeyEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void fitColumns();
  TableModel* model_;
};

// A table with a line to find rows in, which is there when there is much to look through. Ctrl+F goes to it.
class FoundTable : public QWidget {
  Q_OBJECT

 public:
  explicit FoundTable(QWidget* parent = nullptr);
  void setDrawing(const std::shared_ptr<const Drawing>& drawing);
  void find();  // Ctrl+F: the line to find rows in

 Q_SIGNALS:
  void rowChosen(const QString& first);  // what stands in the row's first column

 private:
  void count();
  QWidget* head_;
  QLineEdit* find_;
  QLabel* found_;
  TableView* table_;
};

}  // namespace moescope
