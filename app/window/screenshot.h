// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <QTimer>

namespace moescope {

class MainWindow;

// For tests and for the pictures of the README: goes to a page, waits until nothing more will appear there, writes the
// window as PNG and ends the program (code 0, or 4 when that takes longer than two minutes).
struct ScreenshotWish {
  QString file, page, select, prompt;
  int layer = -1, expert = -1;
};

class Screenshot : public QObject {
  Q_OBJECT
 public:
  Screenshot(MainWindow& window, ScreenshotWish wish);

 private:
  void look();
  MainWindow& window_;
  ScreenshotWish wish_;
  QTimer again_;
  int looks_ = 0, still_ = 0;
  bool set_ = false;
};

}  // namespace moescope
