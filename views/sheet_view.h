// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>
#include <memory>

#include "views/sheet_layout.h"

namespace moescope {

// A sheet as it will be on paper, at real size when the zoom is 1: white whatever the theme. A click chooses a panel,
// arrow keys move to the next one. GUI thread.
class SheetView : public QWidget {
  Q_OBJECT
 public:
  explicit SheetView(QWidget* parent = nullptr);
  void setLayoutOfSheet(std::unique_ptr<SheetLayout> layout);
  void setZoom(double zoom);
  void setChosen(int panel);
  int chosen() const { return chosen_; }
  double pixelsAPoint() const;
  QSize sizeHint() const override;

 Q_SIGNALS:
  void chosenChanged(int panel);  // -1: none

 protected:
  void paintEvent(QPaintEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;

 private:
  std::unique_ptr<SheetLayout> layout_;
  double zoom_ = 1;
  int chosen_ = -1;
};

}  // namespace moescope
