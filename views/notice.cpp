// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/notice.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QStyle>
#include <QTimer>
#include <QVBoxLayout>
#include <nlohmann/json.hpp>

#include "views/elided_label.h"
#include "views/icon_button.h"

namespace moescope {
namespace {
constexpr int sentenceWidth = 460;
constexpr int infoShown = 6000;  // milliseconds
}  // namespace

EmptyState::EmptyState(QWidget* parent) : QWidget(parent), sentence_(roleLabel("muted")), button_(new QPushButton) {
  auto* layout = new QVBoxLayout(this);
  layout->addStretch(2);
  sentence_->setAlignment(Qt::AlignCenter);
  sentence_->setWordWrap(true);
  sentence_->setFixedWidth(sentenceWidth);
  layout->addWidget(sentence_, 0, Qt::AlignHCenter);
  layout->addSpacing(16);
  button_->setObjectName(QStringLiteral("next"));
  button_->setProperty("kind", "primary");
  layout->addWidget(button_, 0, Qt::AlignHCenter);
  layout->addStretch(3);
  connect(button_, &QPushButton::clicked, this, [this] {
    if (act_) act_();
  });
}

void EmptyState::say(const QString& sentence, const QString& button, std::function<void()> act) {
  sentence_->setText(sentence);
  // A centred label would be given one line's height, however many it needs.
  sentence_->setFixedHeight(sentence_->heightForWidth(sentenceWidth));
  button_->setText(button);
  button_->setVisible(static_cast<bool>(act));
  act_ = std::move(act);
}

Banner::Banner(QWidget* parent)
    : QFrame(parent), text_(new QLabel), copy_(new QPushButton(tr("Copy details"))), offer_(new QPushButton) {
  setProperty("role", "banner");
  setObjectName(QStringLiteral("banner"));
  auto* layout = new QHBoxLayout(this);
  layout->setContentsMargins(12, 6, 6, 6);
  text_->setWordWrap(true);
  text_->setTextFormat(Qt::PlainText);
  text_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  layout->addWidget(text_, 1);
  copy_->setProperty("kind", "quiet");
  layout->addWidget(offer_);
  layout->addWidget(copy_);
  auto* close = new IconButton(Glyph::close, tr("Dismiss"));
  layout->addWidget(close);
  connect(copy_, &QPushButton::clicked, this,
          [this] { QGuiApplication::clipboard()->setText(text_->text() + QLatin1Char('\n') + details_); });
  connect(close, &QToolButton::clicked, this, &QWidget::hide);
  connect(offer_, &QPushButton::clicked, this, [this] {
    hide();
    if (act_) act_();
  });
  hide();
}

void Banner::say(const QString& level, const QString& text, const QString& details) {
  setProperty("level", level);
  setProperty("of", QString());
  style()->unpolish(this);
  style()->polish(this);
  text_->setText(text);
  details_ = details;
  const bool info = level == QLatin1String("info");
  copy_->setVisible(!info);
  offer_->hide();
  show();
  if (!info) return;
  QTimer::singleShot(infoShown, this, [this, text] {
    if (text_->text() == text) hide();
  });
}

void Banner::say(const Error& error) {
  QString text = QString::fromStdString(error.message);
  if (!error.file.empty() && !text.contains(QString::fromStdString(error.file)))
    text += QStringLiteral(" (") + QString::fromStdString(error.file) + QLatin1Char(')');
  say(QStringLiteral("error"), text, QString::fromStdString(canonical(toJson(error))));
}

void Banner::offer(const QString& button, std::function<void()> act) {
  offer_->setText(button);
  act_ = std::move(act);
  offer_->show();
}

QString Banner::text() const {
  return text_->text();
}

}  // namespace moescope
