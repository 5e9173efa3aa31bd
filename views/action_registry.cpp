// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/action_registry.h"

#include <QMenu>
#include <QMenuBar>
#include <algorithm>

namespace moescope {

QAction* ActionRegistry::add(const QString& id, const QString& menu, const QString& text, const QKeySequence& shortcut,
                             std::function<void()> act) {
  auto* action = new QAction(text, this);
  if (!shortcut.isEmpty()) action->setShortcut(shortcut);
  action->setShortcutContext(Qt::WindowShortcut);
  connect(action, &QAction::triggered, this, [act = std::move(act)] { act(); });
  entries_.push_back({id, menu, action, std::exchange(separate_, false), action->shortcuts()});
  if (const auto own = own_.find(id); own != own_.end()) action->setShortcut(own->second);
  return action;
}

void ActionRegistry::setKeys(const QString& id, const QKeySequence& keys, bool own) {
  if (own)
    own_[id] = keys;
  else
    own_.erase(id);
  for (const Entry& entry : entries_)
    if (entry.id == id) entry.action->setShortcuts(own ? QList<QKeySequence>{keys} : entry.usual);
}

void ActionRegistry::setUsual(const QString& id, const QList<QKeySequence>& keys) {
  for (Entry& entry : entries_)
    if (entry.id == id) {
      entry.usual = keys;
      if (!own_.contains(id)) entry.action->setShortcuts(keys);
    }
}

QKeySequence ActionRegistry::usualKeys(const QString& id) const {
  for (const Entry& entry : entries_)
    if (entry.id == id) return entry.usual.isEmpty() ? QKeySequence() : entry.usual.front();
  return {};
}

QString ActionRegistry::takenBy(const QKeySequence& keys, const QString& besides) const {
  for (const Entry& entry : entries_)
    if (!keys.isEmpty() && entry.id != besides && entry.action->shortcuts().contains(keys)) return entry.id;
  return {};
}

void ActionRegistry::removeWithPrefix(const QString& prefix) {
  const auto gone = std::stable_partition(entries_.begin(), entries_.end(),
                                          [&](const Entry& entry) { return !entry.id.startsWith(prefix); });
  for (auto entry = gone; entry != entries_.end(); ++entry) delete entry->action;
  entries_.erase(gone, entries_.end());
}

QAction* ActionRegistry::find(const QString& id) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.id == id; });
  return found == entries_.end() ? nullptr : found->action;
}

void ActionRegistry::fill(QMenuBar& bar, const QStringList& menus) const {
  for (const QString& title : menus) {
    QMenu* menu = bar.addMenu(title);
    for (const Entry& entry : entries_) {
      if (entry.menu != title) continue;
      if (entry.separated && !menu->isEmpty()) menu->addSeparator();
      menu->addAction(entry.action);
    }
  }
}

int fuzzyScore(const QString& typed, const QString& text) {
  int score = 1, position = -1;
  for (const QChar letter : typed) {
    if (letter.isSpace()) continue;
    const auto next = static_cast<int>(text.indexOf(letter, position + 1, Qt::CaseInsensitive));
    if (next < 0) return 0;
    const bool begins = next == 0 || !text[next - 1].isLetterOrNumber();
    score += 1 + (begins ? 6 : 0) + (next == position + 1 ? 4 : 0);
    position = next;
  }
  return score * 100 - std::min<int>(99, static_cast<int>(text.size()));
}

}  // namespace moescope
