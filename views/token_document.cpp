// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/token_document.h"

#include <QTextCursor>
#include <QTextDocument>
#include <cmath>

namespace moescope {

namespace {

// The hue on the surface, so light that text on it stays readable.
QColor onSurface(const QColor& hue, const QColor& surface, double share) {
  const auto part = [share](int a, int b) { return int(std::lround(share * a + (1 - share) * b)); };
  return QColor(part(hue.red(), surface.red()), part(hue.green(), surface.green()), part(hue.blue(), surface.blue()));
}

}  // namespace

std::vector<int> fillTokenDocument(QTextDocument& document, const DrawnText& text, const TokenDocumentStyle& style) {
  std::vector<int> start;
  document.clear();
  document.setUndoRedoEnabled(false);
  document.setDocumentMargin(0);
  document.setDefaultFont(style.font);
  QTextOption option;
  option.setWrapMode(QTextOption::WrapAtWordBoundaryOrAnywhere);
  document.setDefaultTextOption(option);
  QTextCursor cursor(&document);
  cursor.beginEditBlock();
  QTextCharFormat plain;
  plain.setFont(style.font);
  plain.setForeground(style.text);
  QTextBlockFormat lines;
  lines.setLineHeight(100 * style.lineHeight, QTextBlockFormat::ProportionalHeight);
  cursor.setBlockFormat(lines);
  for (const DrawnText::Run& run : text.runs) {
    start.push_back(cursor.position());
    QTextCharFormat format = plain;
    if (run.ground && *run.ground != Ink::neutral)
      format.setBackground(onSurface(style.ink(*run.ground), style.surface, style.strength * run.strength));
    cursor.insertText(QString::fromStdString(run.text), format);
  }
  start.push_back(cursor.position());
  QTextCharFormat label = plain;
  label.setFont(style.legendFont);
  QTextBlockFormat legend = lines;
  legend.setTopMargin(0.8 * style.font.pixelSize());
  if (text.runs.empty() || !text.runs.back().text.ends_with('\n')) cursor.insertBlock();
  cursor.setBlockFormat(legend);
  cursor.setBlockCharFormat(label);
  for (const auto& [words, ink] : text.legend) {
    QTextCharFormat chip = label;
    const QColor hue = style.ink(ink);
    chip.setBackground(ink == Ink::neutral ? hue : onSurface(hue, style.surface, style.strength));
    // A chip does not break at its own spaces.
    cursor.insertText(
        QChar(QChar::Nbsp) + QString::fromStdString(words).replace(u' ', QChar(QChar::Nbsp)) + QChar(QChar::Nbsp),
        chip);
    cursor.insertText(QStringLiteral("  "), label);
  }
  cursor.endEditBlock();
  return start;
}

}  // namespace moescope
