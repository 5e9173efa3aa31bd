// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/text_view.h"

#include <QMouseEvent>
#include <QScrollBar>
#include <QTextCursor>
#include <QTextDocument>
#include <QToolTip>
#include <algorithm>
#include <cmath>

#include "views/theme.h"
#include "views/token_document.h"

namespace moescope {

TextView::TextView(QWidget* parent) : QTextBrowser(parent) {
  setFrameShape(NoFrame);
  setOpenLinks(false);
  setMouseTracking(true);
  viewport()->setMouseTracking(true);
}

void TextView::setDrawing(std::shared_ptr<const Drawing> drawing) {
  const bool sameText =
      drawing_ && drawing_->text && drawing->text && drawing_->text->runs.size() == drawing->text->runs.size();
  const int scrolled = sameText ? verticalScrollBar()->value() : 0;
  drawing_ = std::move(drawing);
  hoveredToken_ = -1;
  fill();
  verticalScrollBar()->setValue(scrolled);
}

void TextView::fill() {
  clear();
  start_.clear();
  if (!drawing_ || !drawing_->text) return;
  const Theme& theme = currentTheme();
  start_ = fillTokenDocument(*document(), *drawing_->text,
                             {.ink = [&theme](Ink ink) { return theme.ink(ink); },
                              .surface = theme.surface,
                              .text = theme.text,
                              .font = codeFont(),
                              .legendFont = captionFont(),
                              .strength = theme.dark ? 0.42 : 0.34});
  underline();
}

void TextView::underline() {
  QList<ExtraSelection> marks;
  if (drawing_ && drawing_->text && !(tokens_.empty() && experts_.empty()) &&
      start_.size() == drawing_->text->runs.size() + 1)
    for (std::size_t i = 0; i + 1 < start_.size() && marks.size() < 5000; ++i) {
      const DrawnText::Run& run = drawing_->text->runs[i];
      if (!tokens_.contains(run.token) && !(run.expert >= 0 && experts_.contains(run.expert))) continue;
      ExtraSelection mark;
      mark.cursor = QTextCursor(document());
      mark.cursor.setPosition(start_[i]);
      mark.cursor.setPosition(start_[i + 1], QTextCursor::KeepAnchor);
      mark.format.setUnderlineStyle(QTextCharFormat::SingleUnderline);
      mark.format.setUnderlineColor(currentTheme().accent);
      mark.format.setFontWeight(QFont::Bold);
      marks.push_back(mark);
    }
  setExtraSelections(marks);
}

void TextView::setHighlighted(const QString& axis, const std::set<qint64>& indices) {
  if (axis != QStringLiteral("token") && axis != QStringLiteral("expert")) return;
  (axis == QStringLiteral("token") ? tokens_ : experts_) = indices;
  underline();
}

void TextView::goTo(std::int64_t run) {
  const auto at = static_cast<std::size_t>(run);
  if (run < 0 || at + 1 >= start_.size()) return;
  QTextCursor cursor(document());
  cursor.setPosition(start_[at]);
  cursor.setPosition(start_[at + 1], QTextCursor::KeepAnchor);
  setTextCursor(cursor);
  const QRect place = cursorRect(cursor);
  verticalScrollBar()->setValue(verticalScrollBar()->value() + place.center().y() - viewport()->height() / 2);
}

const DrawnText::Run* TextView::runAt(const QPoint& position) const {
  if (start_.size() < 2) return nullptr;
  const int at = cursorForPosition(position).position();
  const QRect caret = cursorRect(cursorForPosition(position));
  if (std::abs(caret.center().y() - position.y()) > caret.height()) return nullptr;  // below the text
  // A position lies between characters: the run is the one whose character is under the pointer.
  const int character = position.x() < caret.left() ? at - 1 : at;
  const auto next = std::upper_bound(start_.begin(), start_.end(), character);
  if (next == start_.begin() || next == start_.end()) return nullptr;
  return &drawing_->text->runs[std::size_t(next - start_.begin() - 1)];
}

void TextView::mouseMoveEvent(QMouseEvent* event) {
  QTextBrowser::mouseMoveEvent(event);
  const DrawnText::Run* run = event->buttons() == Qt::NoButton ? runAt(event->position().toPoint()) : nullptr;
  const qint64 token = run ? run->token : -1;
  if (token == hoveredToken_) return;
  hoveredToken_ = token;
  if (run)
    QToolTip::showText(event->globalPosition().toPoint(), QString::fromStdString(run->readOut), viewport());
  else
    QToolTip::hideText();
  Q_EMIT hovered(QStringLiteral("token"), token);
  Q_EMIT hovered(QStringLiteral("expert"), run ? run->expert : -1);
}

void TextView::mouseReleaseEvent(QMouseEvent* event) {
  QTextBrowser::mouseReleaseEvent(event);
  if (event->button() != Qt::LeftButton || textCursor().hasSelection()) return;
  const DrawnText::Run* run = runAt(event->position().toPoint());
  if (!run) return;
  Q_EMIT chosen(QStringLiteral("token"), run->token, event->modifiers());
  if (run->expert >= 0) Q_EMIT chosen(QStringLiteral("expert"), run->expert, event->modifiers());
}

void TextView::leaveEvent(QEvent* event) {
  QTextBrowser::leaveEvent(event);
  if (hoveredToken_ < 0) return;
  hoveredToken_ = -1;
  Q_EMIT hovered(QStringLiteral("token"), -1);
  Q_EMIT hovered(QStringLiteral("expert"), -1);
}

void TextView::changeEvent(QEvent* event) {
  QTextBrowser::changeEvent(event);
  if (event->type() == QEvent::PaletteChange || event->type() == QEvent::StyleChange) fill();
}

}  // namespace moescope
