// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QColor>
#include <QFont>
#include <functional>
#include <vector>

#include "core/result/drawing.h"

class QTextDocument;

namespace moescope {

struct TokenDocumentStyle {
  std::function<QColor(Ink)> ink;
  QColor surface, text;
  QFont font, legendFont;
  double strength = 0.34;   // share of the hue behind a token
  double lineHeight = 1.5;  // of the font's
};

// Token text with its legend below, for screen and paper. Gives where each run starts in the document, and the end.
std::vector<int> fillTokenDocument(QTextDocument& document, const DrawnText& text, const TokenDocumentStyle& style);

}  // namespace moescope
