// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/finder.h"

#include <QKeyEvent>
#include <QLabel>
#include <QLineEdit>
#include <QRegularExpression>
#include <QVBoxLayout>
#include <algorithm>

#include "views/elided_label.h"
#include "views/selection.h"

namespace moescope {

Place placeFrom(const QString& typed) {
  static const QRegularExpression whole(
      QStringLiteral(R"(^\s*(?:l(?:ayer)?\s*(\d{1,6}))?[\s,.·]*(?:e(?:xpert)?\s*(\d{1,6}))?\s*$)"),
      QRegularExpression::CaseInsensitiveOption);
  static const QRegularExpression number(QStringLiteral(R"(^\s*(\d{1,6})\s*$)"));
  Place place;
  if (const auto match = number.match(typed); match.hasMatch()) {
    place.expert = match.captured(1).toLongLong();
  } else if (const auto both = whole.match(typed); both.hasMatch() && !typed.trimmed().isEmpty()) {
    if (!both.captured(1).isEmpty()) place.layer = both.captured(1).toLongLong();
    if (!both.captured(2).isEmpty()) place.expert = both.captured(2).toLongLong();
  }
  if (!place.layer && !place.expert) place.text = typed;
  return place;
}

Finder::Finder(Selection& selection, QWidget* window)
    : QFrame(window), selection_(selection), typed_(new QLineEdit), meaning_(roleLabel("caption")) {
  setObjectName(QStringLiteral("finder"));
  setProperty("role", "popup");
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(8, 8, 8, 8);
  layout->addWidget(typed_);
  layout->addWidget(meaning_);
  typed_->setPlaceholderText(tr("Expert, layer, or words of the text"));
  typed_->setAccessibleName(tr("Find an expert, a layer or words"));
  typed_->installEventFilter(this);
  connect(typed_, &QLineEdit::textChanged, this, &Finder::say);
  hide();
}

void Finder::open() {
  const int width = std::min(400, parentWidget()->width() - 48);
  setGeometry((parentWidget()->width() - width) / 2, 56, width, 74);
  typed_->selectAll();
  say();
  show();
  raise();
  typed_->setFocus();
}

void Finder::say() {
  const Place place = placeFrom(typed_->text());
  QStringList parts;
  if (place.layer) parts << tr("layer %1").arg(*place.layer);
  if (place.expert) parts << tr("expert %1").arg(*place.expert);
  meaning_->setText(!parts.isEmpty()                 ? tr("Enter goes to %1").arg(parts.join(tr(", ")))
                    : place.text.trimmed().isEmpty() ? tr("\"12\", \"layer 3 expert 12\", or words of the text")
                                                     : tr("Enter finds these words on Tokens"));
}

void Finder::go() {
  const Place place = placeFrom(typed_->text());
  if (place.layer) selection_.setLayer(*place.layer);
  if (place.expert) selection_.pick("expert", *place.expert, false);
  if (!place.text.trimmed().isEmpty()) Q_EMIT textAsked(place.text);
}

bool Finder::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::FocusOut && isVisible()) hide();
  if (event->type() != QEvent::KeyPress) return QFrame::eventFilter(watched, event);
  const int key = static_cast<QKeyEvent*>(event)->key();
  if (key != Qt::Key_Escape && key != Qt::Key_Return && key != Qt::Key_Enter)
    return QFrame::eventFilter(watched, event);
  if (key != Qt::Key_Escape) go();
  // Words are looked for again and again; a place is reached once.
  if (key == Qt::Key_Escape || placeFrom(typed_->text()).text.isEmpty()) {
    hide();
    parentWidget()->setFocus();
  }
  return true;
}

}  // namespace moescope
