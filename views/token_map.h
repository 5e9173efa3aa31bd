// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <memory>
#include <vector>

#include "core/result/drawing.h"

namespace moescope {

// A whole text in one strip: the colour of each token's expert, and as height how surprising it was where that is
// known. A click or a drag goes there. GUI thread.
class TokenMap : public QWidget {
  Q_OBJECT
 public:
  explicit TokenMap(QWidget* parent = nullptr);
  void setDrawing(std::shared_ptr<const Drawing> drawing);
  void setShown(std::int64_t run);  // where the reader is
  QSize sizeHint() const override { return {200, 30}; }

 Q_SIGNALS:
  void asked(qint64 run);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;

 private:
  void ask(double x);
  std::shared_ptr<const Drawing> drawing_;
  std::vector<double> losses_;
  double most_ = 0;
  std::int64_t shown_ = -1;
};

}  // namespace moescope
