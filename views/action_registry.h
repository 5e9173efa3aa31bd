// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAction>
#include <QKeySequence>
#include <QObject>
#include <QString>
#include <functional>
#include <map>
#include <vector>

class QMenuBar;

namespace moescope {

// Everything that can be done, once: menus, shortcuts and the command palette are made from this list. GUI thread.
class ActionRegistry : public QObject {
  Q_OBJECT
 public:
  using QObject::QObject;

  struct Entry {
    QString id;    // "study.open"
    QString menu;  // "File"; empty = in the palette only
    QAction* action = nullptr;
    bool separated = false;          // a line goes before it in its menu
    QList<QKeySequence> usual = {};  // the keys that it came with
  };

  // The action belongs to the registry. What `act` throws is caught by the application and shown as a banner.
  QAction* add(const QString& id, const QString& menu, const QString& text, const QKeySequence& shortcut,
               std::function<void()> act);
  // The user's own keys for an action, now and whenever it is added again; those that it came with when `keys` is empty
  // and `own` false.
  void setKeys(const QString& id, const QKeySequence& keys, bool own = true);
  void setUsual(const QString& id, const QList<QKeySequence>& keys);  // where an action comes with several
  QKeySequence usualKeys(const QString& id) const;
  // Another action that has these keys; empty = none.
  QString takenBy(const QKeySequence& keys, const QString& besides) const;
  void separate() { separate_ = true; }  // before the next one that is added
  void removeWithPrefix(const QString& prefix);
  QAction* find(const QString& id) const;
  const std::vector<Entry>& entries() const { return entries_; }
  void fill(QMenuBar& bar, const QStringList& menus) const;

 private:
  std::vector<Entry> entries_;
  std::map<QString, QKeySequence> own_;
  bool separate_ = false;
};

// How well letters typed in order match a text: 0 = not at all; beginnings of words and neighbours count more.
int fuzzyScore(const QString& typed, const QString& text);

}  // namespace moescope
