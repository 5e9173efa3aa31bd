// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/command_palette.h"

#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QVBoxLayout>
#include <algorithm>

#include "views/action_registry.h"
#include "views/theme.h"

namespace moescope {

CommandPalette::CommandPalette(const ActionRegistry& actions, QWidget* window)
    : QFrame(window), actions_(actions), typed_(new QLineEdit), list_(new QListWidget) {
  setObjectName(QStringLiteral("commandPalette"));
  setProperty("role", "popup");
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(8, 8, 8, 8);
  layout->addWidget(typed_);
  layout->addWidget(list_);
  typed_->setPlaceholderText(tr("Find or run anything"));
  typed_->setAccessibleName(tr("Command"));
  typed_->installEventFilter(this);
  list_->setFocusPolicy(Qt::NoFocus);
  list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  list_->setTextElideMode(Qt::ElideMiddle);
  connect(typed_, &QLineEdit::textChanged, this, &CommandPalette::narrow);
  connect(list_, &QListWidget::itemClicked, this, &CommandPalette::run);
  hide();
}

void CommandPalette::open() {
  const int width = std::min(560, parentWidget()->width() - 48);
  setGeometry((parentWidget()->width() - width) / 2, 56, width, std::min(380, parentWidget()->height() - 120));
  typed_->clear();
  narrow();
  show();
  raise();
  typed_->setFocus();
}

void CommandPalette::narrow() {
  struct Match {
    int score;
    QAction* action;
    QString text;
  };
  std::vector<Match> matches;
  for (const ActionRegistry::Entry& entry : actions_.entries()) {
    if (!entry.action->isEnabled()) continue;
    QString text = entry.action->text().remove(QLatin1Char('&'));
    if (!entry.menu.isEmpty()) text = entry.menu + QStringLiteral(" › ") + text;
    const int score = fuzzyScore(typed_->text(), text);
    if (score > 0) matches.push_back({score, entry.action, text});
  }
  if (!typed_->text().isEmpty())
    std::stable_sort(matches.begin(), matches.end(),
                     [](const Match& left, const Match& right) { return left.score > right.score; });
  list_->clear();
  shown_.clear();
  for (const Match& match : matches) {
    auto* item = new QListWidgetItem(list_);
    item->setSizeHint({0, Measures::row});
    const QString keys = match.action->shortcut().toString(QKeySequence::NativeText);
    item->setText(keys.isEmpty() ? match.text : QString(match.text + QStringLiteral("    ") + keys));
    item->setToolTip(match.action->toolTip());
    shown_.emplace_back(match.action);
  }
  list_->setCurrentRow(matches.empty() ? -1 : 0);
}

void CommandPalette::run() {
  const int row = list_->currentRow();
  hide();
  parentWidget()->setFocus();
  if (row >= 0 && row < static_cast<int>(shown_.size()) && shown_[static_cast<std::size_t>(row)])
    shown_[static_cast<std::size_t>(row)]->trigger();
}

bool CommandPalette::eventFilter(QObject* watched, QEvent* event) {
  if (event->type() == QEvent::FocusOut && isVisible()) hide();
  if (event->type() != QEvent::KeyPress) return QFrame::eventFilter(watched, event);
  const auto* key = static_cast<QKeyEvent*>(event);
  const int rows = list_->count();
  switch (key->key()) {
    case Qt::Key_Escape:
      hide();
      parentWidget()->setFocus();
      return true;
    case Qt::Key_Return:
    case Qt::Key_Enter:
      run();
      return true;
    case Qt::Key_Down:
      list_->setCurrentRow(rows == 0 ? -1 : (list_->currentRow() + 1) % rows);
      return true;
    case Qt::Key_Up:
      list_->setCurrentRow(rows == 0 ? -1 : (list_->currentRow() + rows - 1) % rows);
      return true;
    default:
      return QFrame::eventFilter(watched, event);
  }
}

}  // namespace moescope
