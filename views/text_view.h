// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QTextBrowser>
#include <memory>
#include <set>
#include <vector>

#include "core/result/drawing.h"

namespace moescope {

// Text whose tokens stand on the colour of their expert, with a legend below; it can be selected and copied.
class TextView : public QTextBrowser {
  Q_OBJECT

 public:
  explicit TextView(QWidget* parent = nullptr);
  void setDrawing(std::shared_ptr<const Drawing> drawing);
  void setHighlighted(const QString& axis,
                      const std::set<qint64>& indices);  // "token" or "expert": a frame under those
  void goTo(std::int64_t run);                           // into the middle of the view, selected

 Q_SIGNALS:
  void hovered(const QString& axis, qint64 index);  // "token" and "expert"
  void chosen(const QString& axis, qint64 index, Qt::KeyboardModifiers modifiers);

 protected:
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void changeEvent(QEvent* event) override;

 private:
  void fill();
  void underline();
  const DrawnText::Run* runAt(const QPoint& position) const;

  std::shared_ptr<const Drawing> drawing_;
  std::vector<int> start_;  // of each run in the document; one more at the end
  qint64 hoveredToken_ = -1;
  std::set<qint64> tokens_, experts_;
};

}  // namespace moescope
