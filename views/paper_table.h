// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFont>
#include <QPainter>
#include <QStringList>
#include <vector>

#include "core/result/drawing.h"

namespace moescope {

// A table on paper with the three rules of a book, in points. Headings break between words; the text gets smaller down
// to 6 points where the columns are too wide together; what is still too wide is cut with an ellipsis.
class PaperTable {
 public:
  PaperTable(const DrawnTable& table, const QFont& font, double width);
  double height() const;
  bool cut() const { return cut_; }  // something did not fit even at 6 points
  void paint(QPainter& painter) const;

 private:
  bool fit(int points);
  void share();
  void row(QPainter& painter, const std::vector<QStringList>& cells, const QFont& font, double& y) const;

  const DrawnTable& table_;
  QFont font_, bold_;
  double width_;
  bool cut_ = false;
  std::vector<double> columns_;        // widths
  std::vector<QStringList> headings_;  // lines
};

}  // namespace moescope
