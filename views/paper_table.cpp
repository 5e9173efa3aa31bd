// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/paper_table.h"

#include <QFontMetricsF>
#include <algorithm>
#include <numeric>

#include "views/item_painting.h"
#include "views/table_columns.h"

namespace moescope {

namespace {

constexpr int smallestText = 6;                       // points; below it print is hard to read
constexpr double lineHeight = 1.15, rowHeight = 1.6;  // in font sizes
constexpr double padding = 2;

QString headingText(const DrawnTable::Heading& heading) {
  return QString::fromStdString(heading.unit.empty() ? heading.text : heading.text + ", " + heading.unit);
}

// Words put on lines no wider than `width`; a word that is wider has a line of its own.
QStringList broken(const QString& text, const QFontMetricsF& metrics, double width) {
  QStringList lines;
  for (const QString& word : text.split(u' ', Qt::SkipEmptyParts)) {
    const QString longer = lines.isEmpty() ? word : lines.back() + u' ' + word;
    if (lines.isEmpty() || metrics.horizontalAdvance(longer) > width)
      lines.push_back(word);
    else
      lines.back() = longer;
  }
  return lines;
}

}  // namespace

PaperTable::PaperTable(const DrawnTable& table, const QFont& font, double width)
    : table_(table), font_(font), bold_(font), width_(width) {
  bold_.setBold(true);
  int points = font.pixelSize();
  while (!fit(points) && points > smallestText) --points;
  cut_ = std::accumulate(columns_.begin(), columns_.end(), 0.0) > width_;
  share();
}

// Measures the columns at this size; true when they fit.
bool PaperTable::fit(int points) {
  font_.setPixelSize(points);
  bold_.setPixelSize(points);
  const QFontMetricsF cells(font_), heads(bold_);
  columns_.clear();
  for (std::size_t column = 0; column < table_.headings.size(); ++column) {
    double widest = 0;
    for (const QString& word : headingText(table_.headings[column]).split(u' '))
      widest = std::max(widest, heads.horizontalAdvance(word));
    for (const auto& row : table_.rows)
      widest = std::max(widest, cells.horizontalAdvance(QString::fromStdString(row[column])));
    columns_.push_back(widest + 2 * padding);
  }
  return std::accumulate(columns_.begin(), columns_.end(), 0.0) <= width_;
}

void PaperTable::share() {
  const double most = widestThatFits(columns_, width_);
  for (double& column : columns_) column = std::min(column, most);
  const double left = width_ - std::accumulate(columns_.begin(), columns_.end(), 0.0);
  for (double& column : columns_) column += std::max(0.0, left) / double(columns_.size());
  const QFontMetricsF heads(bold_);
  for (std::size_t column = 0; column < columns_.size(); ++column)
    headings_.push_back(broken(headingText(table_.headings[column]), heads, columns_[column] - 2 * padding));
}

double PaperTable::height() const {
  qsizetype lines = 1;
  for (const QStringList& heading : headings_) lines = std::max(lines, heading.size());
  const double size = font_.pixelSize();
  return (rowHeight + lineHeight * double(lines - 1) + rowHeight * double(table_.rows.size())) * size + 2;
}

// Lines of a cell stand on each other; the last lines of all cells share a base line.
void PaperTable::row(QPainter& painter, const std::vector<QStringList>& cells, const QFont& font, double& y) const {
  const QFontMetricsF metrics(font);
  const double size = font.pixelSize();
  qsizetype most = 1;
  for (const QStringList& cell : cells) most = std::max(most, cell.size());
  const double bottom = y + (rowHeight + lineHeight * double(most - 1)) * size;
  painter.setFont(font);
  painter.setPen(Qt::black);
  double x = 0;
  for (std::size_t column = 0; column < cells.size(); ++column) {
    for (qsizetype line = 0; line < cells[column].size(); ++line) {
      const QString text = metrics.elidedText(cells[column][line], Qt::ElideMiddle, columns_[column] - padding);
      const double indent =
          flushRight(table_, column) ? columns_[column] - padding - metrics.horizontalAdvance(text) : padding;
      painter.drawText(
          QPointF(x + indent, bottom - 0.5 * size - lineHeight * size * double(cells[column].size() - 1 - line)), text);
    }
    x += columns_[column];
  }
  y = bottom;
}

void PaperTable::paint(QPainter& painter) const {
  double y = 1;
  const auto rule = [&](double thick) {
    painter.setPen(solidPen(Qt::black, thick));
    painter.drawLine(QPointF(0, y), QPointF(width_, y));
  };
  rule(0.8);
  row(painter, headings_, bold_, y);
  rule(0.5);
  for (const auto& texts : table_.rows) {
    std::vector<QStringList> cells;
    for (const std::string& text : texts) cells.push_back({QString::fromStdString(text)});
    row(painter, cells, font_, y);
  }
  rule(0.8);
}

}  // namespace moescope
