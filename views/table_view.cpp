// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/table_view.h"

#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QKeyEvent>
#include <QStandardItemModel>
#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "views/table_columns.h"
#include "views/theme.h"

namespace moescope {

namespace {

constexpr int sortRole = Qt::UserRole + 1;
constexpr int narrowest = 44;  // pixels of a column

QString quoted(const QString& text) {
  if (!text.contains(u',') && !text.contains(u'"') && !text.contains(u'\n')) return text;
  return u'"' + QString(text).replace(u'"', QStringLiteral("\"\"")) + u'"';
}

}  // namespace

TableView::TableView(QWidget* parent) : QTableView(parent), model_(new QStandardItemModel(this)) {
  model_->setSortRole(sortRole);
  setModel(model_);
  setEditTriggers(NoEditTriggers);
  setSelectionBehavior(SelectRows);
  setSelectionMode(ExtendedSelection);
  setShowGrid(false);
  setFrameShape(NoFrame);
  setWordWrap(false);
  setTextElideMode(Qt::ElideMiddle);
  setHorizontalScrollMode(ScrollPerPixel);
  setVerticalScrollMode(ScrollPerPixel);
  setSortingEnabled(true);
  verticalHeader()->hide();
  verticalHeader()->setDefaultSectionSize(Measures::row);
  horizontalHeader()->setHighlightSections(false);
  horizontalHeader()->setSortIndicatorClearable(true);
}

void TableView::setDrawing(const std::shared_ptr<const Drawing>& drawing) {
  const DrawnTable& table = *drawing->table;
  const int sorted = horizontalHeader()->sortIndicatorSection();
  const Qt::SortOrder order = horizontalHeader()->sortIndicatorOrder();
  const bool kept = model_->columnCount() == int(table.headings.size());
  setSortingEnabled(false);
  model_->clear();
  for (std::size_t column = 0; column < table.headings.size(); ++column) {
    const auto& heading = table.headings[column];
    const bool right = flushRight(table, column);
    auto* item = new QStandardItem(
        QString::fromStdString(heading.unit.empty() ? heading.text : heading.text + ", " + heading.unit));
    item->setTextAlignment(right ? Qt::AlignRight | Qt::AlignVCenter : Qt::AlignLeft | Qt::AlignVCenter);
    model_->setHorizontalHeaderItem(int(column), item);
  }
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    QList<QStandardItem*> items;
    for (std::size_t column = 0; column < table.headings.size(); ++column) {
      const QString text = QString::fromStdString(table.rows[row][column]);
      auto* item = new QStandardItem(text);
      const double number = table.numbers[row][column];
      // A missing number sorts below every other; QVariant has no order for NaN.
      if (table.headings[column].number)
        item->setData(std::isnan(number) ? -HUGE_VAL : number, sortRole);
      else
        item->setData(text, sortRole);
      item->setTextAlignment(flushRight(table, column) ? Qt::AlignRight | Qt::AlignVCenter
                                                       : Qt::AlignLeft | Qt::AlignVCenter);
      item->setToolTip(text);
      items.push_back(item);
    }
    model_->appendRow(items);
  }
  horizontalHeader()->setSortIndicator(kept ? sorted : -1, order);
  setSortingEnabled(true);
  fitColumns();
}

// Columns take their content's width. Room that is left goes mostly to the first; where there is too little, the widest headings
// give way.
void TableView::fitColumns() {
  const int columns = model_->columnCount(), room = viewport()->width();
  if (columns == 0 || room <= 0) return;
  std::vector<double> widths, cells;  // with their headings; without
  for (int column = 0; column < columns; ++column) {
    cells.push_back(std::max(sizeHintForColumn(column) + 8, narrowest));
    widths.push_back(std::max(cells.back(), double(horizontalHeader()->sectionSizeHint(column))));
  }
  const double most = std::max(double(narrowest), widestThatFits(widths, room));
  double left = room;
  // A number is never cut: headings give way, and then the table scrolls.
  for (std::size_t column = 0; column < widths.size(); ++column)
    left -= widths[column] = std::floor(std::max(cells[column], std::min(widths[column], most)));
  const int share = std::max(0, int(left) / columns);
  for (int column = 0; column < columns; ++column) {
    const int extra = left <= 0 ? 0 : column == 0 ? int(left) - share * (columns - 1) : share;
    setColumnWidth(column, int(widths[std::size_t(column)]) + extra);
  }
}

QString TableView::copied() const {
  std::set<int> rows;
  for (const QModelIndex& index : selectionModel()->selectedRows()) rows.insert(index.row());
  if (rows.empty())
    for (int row = 0; row < model_->rowCount(); ++row) rows.insert(row);
  QString text;
  for (int column = 0; column < model_->columnCount(); ++column)
    text += (column ? QStringLiteral(",") : QString()) + quoted(model_->horizontalHeaderItem(column)->text());
  text += u'\n';
  for (int row : rows) {
    for (int column = 0; column < model_->columnCount(); ++column) {
      const QStandardItem* item = model_->item(row, column);
      const QVariant number = item->data(sortRole);
      const bool real = number.typeId() == QMetaType::Double;
      // Numbers go out in full, not as they are printed.
      const QString cell = real ? (std::isinf(number.toDouble())
                                       ? QString()
                                       : QString::number(number.toDouble(), 'g', QLocale::FloatingPointShortest))
                                : quoted(item->text());
      text += (column ? QStringLiteral(",") : QString()) + cell;
    }
    text += u'\n';
  }
  return text;
}

void TableView::keyPressEvent(QKeyEvent* event) {
  if (event->matches(QKeySequence::Copy)) {
    QApplication::clipboard()->setText(copied());
    return;
  }
  QTableView::keyPressEvent(event);
}

void TableView::resizeEvent(QResizeEvent* event) {
  QTableView::resizeEvent(event);
  fitColumns();
}

void TableView::changeEvent(QEvent* event) {
  QTableView::changeEvent(event);
  if (event->type() == QEvent::StyleChange) fitColumns();
}

}  // namespace moescope
