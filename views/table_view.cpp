// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/table_view.h"

#include <QApplication>
#include <QClipboard>
#include <QHeaderView>
#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QLocale>
#include <QVBoxLayout>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <vector>

#include "views/table_columns.h"
#include "views/table_model.h"
#include "views/theme.h"

namespace moescope {

namespace {

constexpr int narrowest = 44, fewWords = 90, names = 280;  // pixels of a column
constexpr std::size_t many = 100;                          // rows from which on one wants to find some

}  // namespace

TableView::TableView(QWidget* parent) : QTableView(parent), model_(new TableModel(this)) {
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
  horizontalHeader()->setTextElideMode(Qt::ElideRight);
  horizontalHeader()->setSortIndicatorClearable(true);
}

void TableView::setDrawing(const std::shared_ptr<const Drawing>& drawing) {
  const int columns = model_->columnCount();
  model_->setDrawing(drawing);
  if (model_->columnCount() != columns) horizontalHeader()->setSortIndicator(-1, Qt::AscendingOrder);
  fitColumns();
}

void TableView::setFilter(const QString& words) {
  model_->setFilter(words);
}

// Columns take their content's width. Room that is left goes mostly to the first; where there is too little, the widest
// headings give way.
void TableView::fitColumns() {
  const int columns = model_->columnCount(), room = viewport()->width();
  if (columns == 0 || room <= 0) return;
  std::vector<double> widths, cells;  // with their headings; without
  for (int column = 0; column < columns; ++column) {
    const double wanted = std::max(sizeHintForColumn(column) + 8, narrowest);
    const bool numbers = model_->flushRight(column);
    cells.push_back(numbers ? wanted : std::min<double>(wanted, column == 0 ? names : fewWords));
    widths.push_back(std::max(wanted, double(horizontalHeader()->sectionSizeHint(column))));
  }
  const double most = std::max(double(narrowest), widestThatFits(widths, room));
  double left = room;
  // A number is never cut: headings give way. Where that is not enough the table scrolls, and headings are whole.
  const bool scrolls = std::accumulate(cells.begin(), cells.end(), 0.0) > room;
  for (std::size_t column = 0; column < widths.size(); ++column)
    left -= widths[column] =
        std::floor(std::max(cells[column], scrolls ? widths[column] : std::min(widths[column], most)));
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
  return model_->csv({rows.begin(), rows.end()});
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

FoundTable::FoundTable(QWidget* parent)
    : QWidget(parent), head_(new QWidget), find_(new QLineEdit), found_(new QLabel), table_(new TableView) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(6);
  auto* row = new QHBoxLayout(head_);
  row->setContentsMargins(0, 0, 0, 0);
  find_->setPlaceholderText(tr("Find rows (Ctrl+F)"));
  find_->setAccessibleName(tr("Find rows"));
  find_->setClearButtonEnabled(true);
  find_->setMaximumWidth(320);
  found_->setProperty("role", "muted");
  row->addWidget(find_, 1);
  row->addWidget(found_);
  row->addStretch(1);
  layout->addWidget(head_);
  layout->addWidget(table_, 1);
  setFocusProxy(table_);
  connect(find_, &QLineEdit::textChanged, this, [this](const QString& words) {
    table_->setFilter(words);
    count();
  });
  connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, [this](const QModelIndex& now) {
    if (now.isValid()) Q_EMIT rowChosen(now.siblingAtColumn(0).data().toString());
  });
}

void FoundTable::find() {
  head_->show();
  find_->setFocus();
}

void FoundTable::setDrawing(const std::shared_ptr<const Drawing>& drawing) {
  table_->setDrawing(drawing);
  head_->setVisible(table_->rows().allRows() > many || !find_->text().isEmpty());
  count();
}

void FoundTable::count() {
  const QLocale locale;
  const auto all = static_cast<qlonglong>(table_->rows().allRows()), shown = qlonglong{table_->rows().rowCount()};
  found_->setText(shown == all ? tr("%1 rows").arg(locale.toString(all))
                               : tr("%1 of %2 rows").arg(locale.toString(shown), locale.toString(all)));
}

}  // namespace moescope
