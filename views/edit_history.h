// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QUndoStack>
#include <functional>
#include <map>

#include <nlohmann/json.hpp>

#include "core/base/json.h"

namespace moescope {

class EngineClient;

// What Ctrl+Z takes back, in one order: edits of the study (name, tag, note, delete; the study keeps their own log, so
// they are taken back there), and changes of what the window shows (selection, view settings, sheet). Edits of the
// study from before this window was opened come after its own. GUI thread.
class EditHistory : public QObject {
  Q_OBJECT
 public:
  explicit EditHistory(EngineClient& engine, QObject* parent = nullptr);

  using Save = std::function<Json()>;
  using Restore = std::function<void(const Json&)>;
  // A part of the window whose whole state is small JSON; `noticed` is to be called after each change of it.
  void watch(const QString& part, const QString& words, Save save, Restore restore);
  void noticed(const QString& part);
  void restart();  // what is there now is the beginning
  void undo();
  void redo();
  const QUndoStack& stack() const { return stack_; }

 private:
  struct Part {
    QString words;
    Save save;
    Restore restore;
    Json last;
  };
  class Change;
  class StudyEdit;
  void apply(const QString& part, const Json& state);

  EngineClient& engine_;
  QUndoStack stack_;
  std::map<QString, Part> parts_;
  bool applying_ = false;
};

}  // namespace moescope
