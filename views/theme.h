// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <QString>
#include <array>

#include "core/result/drawing.h"
#include "core/study/artifact.h"

class QApplication;

namespace moescope {

// Every colour of the window, by what it means. No other file names a colour.
struct Theme {
  bool dark = false;
  QColor background, surface, raised;     // behind panels, of panels, of inputs
  QColor line, neutral;                   // borders; cells at their expectation
  QColor text, muted, faint;              // faint is for ornaments only
  QColor accent, accentGround, onAccent;  // selection and the one primary action
  QColor good, warn, bad;
  QColor readOut, readOutText;    // the frame beside the pointer
  std::array<QColor, 8> domains;  // Okabe-Ito
  std::array<QColor, 8> kinds;    // by Kind, the same square everywhere

  QColor ink(Ink ink) const;
  QColor kind(Kind kind) const { return kinds[static_cast<std::size_t>(kind)]; }

  static const Theme& light();
  static const Theme& darkened();
};

// Pixels at scale 1.
struct Measures {
  static constexpr int grid = 8, gap = 12, padding = 14, radius = 8, inputRadius = 6;
  static constexpr int treeRow = 26, row = 26, input = 28, bar = 28;
  static constexpr int left = 240, right = 296;
  static constexpr int text = 13, caption = 11;
};

enum class ThemeChoice { system, light, dark };
QString name(ThemeChoice choice);
ThemeChoice themeChoiceFromName(const QString& name);  // system for anything else

// Palette, fonts and the one style sheet. Widgets that paint themselves hear of it as QEvent::PaletteChange or
// StyleChange.
void applyTheme(QApplication& application, const Theme& theme);
// The theme that was applied last (told by the application's palette). GUI thread.
const Theme& currentTheme();

QFont textFont();     // 13 px
QFont titleFont();    // 13 px semibold
QFont captionFont();  // 11 px
QFont codeFont();     // 13 px, of equal width

// Contrast of two opaque colours, 1 to 21 (WCAG 2.1, 1.4.3).
double contrast(const QColor& one, const QColor& other);

}  // namespace moescope
