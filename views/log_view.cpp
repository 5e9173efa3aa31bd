// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/log_view.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTime>
#include <QVBoxLayout>

#include "views/theme.h"
#include "views/workbench.h"

namespace moescope {

namespace {
constexpr qsizetype mostLines = 4000;
}

LogView::LogView(Workbench& workbench, QWidget* window)
    : QDialog(window), find_(new QLineEdit), shown_(new QPlainTextEdit) {
  setWindowTitle(tr("Log"));
  setObjectName(QStringLiteral("logView"));
  resize(720, 420);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(12, 12, 12, 12);
  auto* head = new QHBoxLayout;
  find_->setPlaceholderText(tr("Lines with these words"));
  find_->setAccessibleName(tr("Lines with these words"));
  find_->setClearButtonEnabled(true);
  auto* copy = new QPushButton(tr("Copy"));
  head->addWidget(find_, 1);
  head->addWidget(copy);
  layout->addLayout(head);
  shown_->setReadOnly(true);
  shown_->setAccessibleName(tr("Log"));
  shown_->setLineWrapMode(QPlainTextEdit::NoWrap);
  layout->addWidget(shown_, 1);
  connect(find_, &QLineEdit::textChanged, this, &LogView::fill);
  connect(copy, &QPushButton::clicked, this, [this] { QGuiApplication::clipboard()->setText(text()); });
  EngineClient& engine = workbench.engine;
  const auto titled = [&workbench](const QString& job) {
    const JobLine* line = workbench.jobs.find(job);
    return line == nullptr ? QString() : QString(line->title + QStringLiteral(": "));
  };
  connect(&engine, &EngineClient::logged, this,
          [this, titled](const QString& job, const QString& level, const QString& words) {
            if (level != QLatin1String("sample")) add(level, titled(job) + words);
          });
  connect(&engine, &EngineClient::lost, this,
          [this](const QString& what, const QString& details) { add(QStringLiteral("error"), what + details); });
  connect(&engine, &EngineClient::refused, this,
          [this](const Error& error) { add(QStringLiteral("error"), QString::fromStdString(error.message)); });
  connect(&engine, &EngineClient::failed, this, [this, titled](const QString& job, const Error& error) {
    add(QStringLiteral("error"), titled(job) + QString::fromStdString(error.message));
  });
  connect(&engine, &EngineClient::finished, this,
          [this, titled](const QString& job) { add(QStringLiteral("info"), titled(job) + tr("done")); });
  connect(&workbench, &Workbench::notice, this,
          [this](const QString& level, const QString& words) { add(level, words); });
}

QString LogView::text() const {
  return shown_->toPlainText();
}

void LogView::add(const QString& level, const QString& words) {
  lines_ << QTime::currentTime().toString(QStringLiteral("hh:mm:ss")) + QStringLiteral("  ") + level.leftJustified(8) +
                words.trimmed();
  if (lines_.size() > mostLines) lines_.erase(lines_.begin(), lines_.begin() + mostLines / 4);
  if (isVisible()) fill();
}

void LogView::showEvent(QShowEvent* event) {
  QDialog::showEvent(event);
  fill();
}

void LogView::fill() {
  QStringList kept;
  for (const QString& line : std::as_const(lines_))
    if (line.contains(find_->text(), Qt::CaseInsensitive)) kept << line;
  shown_->setPlainText(kept.join(QLatin1Char('\n')));
  shown_->moveCursor(QTextCursor::End);
}

}  // namespace moescope
