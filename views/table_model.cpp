// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/table_model.h"

#include <QLocale>
#include <QStringList>
#include <algorithm>
#include <cctype>
#include <cmath>
#include <numeric>

#include "views/table_columns.h"

namespace moescope {

namespace {

QString quoted(const QString& text) {
  if (!text.contains(u',') && !text.contains(u'"') && !text.contains(u'\n')) return text;
  return u'"' + QString(text).replace(u'"', QStringLiteral("\"\"")) + u'"';
}

// Bytes, not characters: a hundred thousand rows are looked through at every key.
bool holds(const std::vector<std::string>& row, const std::string& word) {
  const auto same = [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); };
  return std::ranges::any_of(row, [&](const std::string& cell) {
    return std::search(cell.begin(), cell.end(), word.begin(), word.end(), same) != cell.end();
  });
}

}  // namespace

void TableModel::setDrawing(const std::shared_ptr<const Drawing>& drawing) {
  beginResetModel();
  if (!drawing_ || table().headings.size() != drawing->table->headings.size()) sorted_ = -1;
  drawing_ = drawing;
  right_.clear();
  for (std::size_t column = 0; column < table().headings.size(); ++column)
    right_.push_back(moescope::flushRight(table(), column));
  arrange();
  endResetModel();
}

void TableModel::setFilter(const QString& words) {
  if (words == filter_) return;
  beginResetModel();
  filter_ = words;
  if (drawing_) arrange();
  endResetModel();
}

std::size_t TableModel::allRows() const {
  return drawing_ ? table().rows.size() : 0;
}

void TableModel::sort(int column, Qt::SortOrder order) {
  Q_EMIT layoutAboutToBeChanged();
  sorted_ = column;
  order_ = order;
  if (drawing_) arrange();
  Q_EMIT layoutChanged();
}

void TableModel::arrange() {
  rows_.resize(table().rows.size());
  std::iota(rows_.begin(), rows_.end(), std::size_t{0});
  for (const QString& word : filter_.split(u' ', Qt::SkipEmptyParts))
    std::erase_if(rows_, [&, bytes = word.toStdString()](std::size_t row) { return !holds(table().rows[row], bytes); });
  if (sorted_ < 0 || sorted_ >= columnCount()) return;
  const auto column = static_cast<std::size_t>(sorted_);
  const auto number = [&](std::size_t row) {
    const double value = table().numbers[row][column];
    return std::isnan(value) ? -HUGE_VAL : value;
  };
  const bool numbers = table().headings[column].number, falling = order_ == Qt::DescendingOrder;
  std::ranges::stable_sort(rows_, [&](std::size_t a, std::size_t b) {
    if (falling) std::swap(a, b);
    return numbers ? number(a) < number(b) : table().rows[a][column] < table().rows[b][column];
  });
}

int TableModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(rows_.size());
}

int TableModel::columnCount(const QModelIndex& parent) const {
  return parent.isValid() || !drawing_ ? 0 : static_cast<int>(table().headings.size());
}

QVariant TableModel::data(const QModelIndex& index, int role) const {
  if (role == Qt::TextAlignmentRole)
    return int((flushRight(index.column()) ? Qt::AlignRight : Qt::AlignLeft) | Qt::AlignVCenter);
  if (role != Qt::DisplayRole && role != Qt::ToolTipRole) return {};
  return QString::fromStdString(table().rows[place(index.row())][static_cast<std::size_t>(index.column())]);
}

QVariant TableModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || !drawing_) return {};
  const auto& heading = table().headings[static_cast<std::size_t>(section)];
  if (role == Qt::TextAlignmentRole) return data(index(0, section), role);
  if (role != Qt::DisplayRole && role != Qt::ToolTipRole) return {};
  return QString::fromStdString(heading.unit.empty() ? heading.text : heading.text + ", " + heading.unit);
}

QString TableModel::csv(const std::vector<int>& rows) const {
  QStringList headings;
  for (int column = 0; column < columnCount(); ++column)
    headings << quoted(headerData(column, Qt::Horizontal, Qt::DisplayRole).toString());
  QString text = headings.join(u',') + u'\n';
  for (int row : rows) {
    QStringList cells;
    for (std::size_t column = 0; column < table().headings.size(); ++column) {
      const double number = table().numbers[place(row)][column];
      // Numbers go out in full, not as they are printed.
      if (table().headings[column].number)
        cells << (std::isnan(number) ? QString() : QString::number(number, 'g', QLocale::FloatingPointShortest));
      else
        cells << quoted(QString::fromStdString(table().rows[place(row)][column]));
    }
    text += cells.join(u',') + u'\n';
  }
  return text;
}

}  // namespace moescope
