// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/help_popup.h"

#include <QLabel>
#include <QVBoxLayout>
#include <algorithm>

#include "views/elided_label.h"

namespace moescope {

HelpPopup::HelpPopup(const QString& title, const QString& text, QWidget* parent) : QFrame(parent, Qt::Popup) {
  setObjectName(QStringLiteral("helpPopup"));
  setProperty("role", "popup");
  setAttribute(Qt::WA_DeleteOnClose);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(14, 12, 14, 12);
  layout->setSpacing(8);
  layout->addWidget(roleLabel("title", title));
  auto* words = new QLabel(text);
  words->setWordWrap(true);
  words->setTextFormat(Qt::PlainText);
  words->setTextInteractionFlags(Qt::TextSelectableByMouse);
  layout->addWidget(words);
}

void HelpPopup::open(const QString& title, const QString& text, QWidget& beside) {
  auto* popup = new HelpPopup(title, text, &beside);
  popup->setFixedWidth(std::min(420, std::max(280, beside.window()->width() / 2)));
  popup->adjustSize();
  popup->move(beside.mapToGlobal(QPoint(std::max(0, beside.width() - popup->width() - 12), 36)));
  popup->show();
}

}  // namespace moescope
