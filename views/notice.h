// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QFrame>
#include <functional>

#include "core/base/error.h"

class QLabel;
class QPushButton;

namespace moescope {

// What will be here in one sentence, and one button that gets there.
class EmptyState : public QWidget {
  Q_OBJECT
 public:
  explicit EmptyState(QWidget* parent = nullptr);
  // Without `act` there is no button (nothing in this program gets there).
  void say(const QString& sentence, const QString& button = {}, std::function<void()> act = {});

 private:
  QLabel* sentence_;
  QPushButton* button_;
  std::function<void()> act_;
};

// What happened, where, what to do; "Copy details" and a cross. Level "error", "warning" or "info"; an info goes away
// by itself.
class Banner : public QFrame {
  Q_OBJECT
 public:
  explicit Banner(QWidget* parent = nullptr);
  void say(const QString& level, const QString& text, const QString& details = {});
  void say(const Error& error);
  void offer(const QString& button, std::function<void()> act);  // beside what was just said
  QString text() const;

 private:
  QLabel* text_;
  QPushButton *copy_, *offer_;
  QString details_;
  std::function<void()> act_;
};

}  // namespace moescope
