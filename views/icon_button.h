// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QToolButton>

namespace moescope {

enum class Glyph { save, copy, help, close, up, down, left, right, folder, sides };

// A quiet button that paints its glyph in the colours of the current theme. Its name is the tooltip and what a screen
// reader says.
class IconButton : public QToolButton {
  Q_OBJECT
 public:
  IconButton(Glyph glyph, const QString& name, QWidget* parent = nullptr);
  void setGlyph(Glyph glyph);

 protected:
  void paintEvent(QPaintEvent* event) override;

 private:
  Glyph glyph_;
};

}  // namespace moescope
