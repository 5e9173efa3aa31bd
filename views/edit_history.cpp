// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/edit_history.h"

#include <QElapsedTimer>
#include <QUndoCommand>

#include "views/engine.h"

namespace moescope {

namespace {
constexpr int oneGesture = 600;   // milliseconds: stepping through layers is taken back as one
constexpr int mostChanges = 500;  // that are remembered
}  // namespace

// One part of the window from one state to another.
class EditHistory::Change : public QUndoCommand {
 public:
  Change(EditHistory& history, QString part, Json before, Json after)
      : history_(history), part_(std::move(part)), before_(std::move(before)), after_(std::move(after)) {
    setText(history_.parts_.at(part_).words);
    made_.start();
  }
  int id() const override { return 1; }
  void undo() override {
    history_.apply(part_, before_);
    taken_ = true;
  }
  void redo() override {
    if (std::exchange(there_, true)) history_.apply(part_, after_);
  }
  bool mergeWith(const QUndoCommand* next) override {
    const auto* other = static_cast<const Change*>(next);
    if (taken_ || other->part_ != part_ || made_.elapsed() > oneGesture) return false;
    after_ = other->after_;
    made_.restart();
    return true;
  }

 private:
  EditHistory& history_;
  QString part_;
  Json before_, after_;
  QElapsedTimer made_;
  bool there_ = false;  // the first redo is the push: the change was made already
  bool taken_ = false;  // what was once taken back is a step of its own
};

// An edit that the study has confirmed. It takes its own last edit back, so order is all that is kept here.
class EditHistory::StudyEdit : public QUndoCommand {
 public:
  StudyEdit(EngineClient& engine, const QString& words) : QUndoCommand(words), engine_(engine) {}
  void undo() override { engine_.edit({{"edit", "undo"}}); }
  void redo() override {
    if (std::exchange(there_, true)) engine_.edit({{"edit", "redo"}});
  }

 private:
  EngineClient& engine_;
  bool there_ = false;
};

EditHistory::EditHistory(EngineClient& engine, QObject* parent) : QObject(parent), engine_(engine) {
  stack_.setUndoLimit(mostChanges);
  connect(&engine_, &EngineClient::edited, this, [this](const Json& message) {
    const auto change = message.find("change");
    if (change == message.end() || !change->is_object()) return;
    const std::string what = change->value("edit", std::string());
    if (what != "undo" && what != "redo") stack_.push(new StudyEdit(engine_, QString::fromStdString(what)));
  });
}

void EditHistory::watch(const QString& part, const QString& words, Save save, Restore restore) {
  Json now = save();
  parts_[part] = {words, std::move(save), std::move(restore), std::move(now)};
}

void EditHistory::noticed(const QString& part) {
  const auto found = parts_.find(part);
  if (found == parts_.end()) return;
  Json now = found->second.save();
  if (now == found->second.last) return;
  Json before = std::exchange(found->second.last, now);
  if (!applying_) stack_.push(new Change(*this, part, std::move(before), std::move(now)));
}

void EditHistory::apply(const QString& part, const Json& state) {
  applying_ = true;
  Part& its = parts_.at(part);
  its.restore(state);
  its.last = its.save();
  applying_ = false;
}

void EditHistory::restart() {
  stack_.clear();
  for (auto& [name, part] : parts_) part.last = part.save();
}

void EditHistory::undo() {
  if (stack_.canUndo())
    stack_.undo();
  else
    engine_.edit({{"edit", "undo"}});
}

void EditHistory::redo() {
  if (stack_.canRedo())
    stack_.redo();
  else
    engine_.edit({{"edit", "redo"}});
}

}  // namespace moescope
