// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "views/workbench.h"

class QLabel;
class QProgressBar;
class QStackedLayout;
class QVBoxLayout;

namespace moescope {

class Banner;
class EmptyState;

// One tab of the window: a body, or an empty state in its place; above them a slim line while something is awaited, and
// a banner for what went wrong. Pages look at the study only while they are shown. GUI thread.
class Page : public QWidget {
  Q_OBJECT
 public:
  Page(const QString& name, Workbench& workbench, QWidget* parent = nullptr);
  const QString& name() const { return name_; }
  // What the right side shows while this page is open; made once, owned by the window. May be null.
  virtual QWidget* side() { return nullptr; }
  virtual bool idle() const { return !waiting_; }  // nothing more will appear by itself
  void enter();
  void leave() { shown_ = false; }
  bool shown() const { return shown_; }

 protected:
  virtual void refresh() = 0;  // the selected artifact, the study or the operations changed, and the page is shown
  void setBody(QWidget* body);
  void showBody();
  // A sentence and the operation that leads to an artifact of this kind.
  void showEmpty(const QString& sentence, Kind needed);
  void showEmpty(const QString& sentence, const QString& button, std::function<void()> act);
  void setWaiting(bool waiting, double fraction = -1);
  void say(const Error& error);
  void quiet();  // takes the banner away

  Workbench& workbench_;

 private:
  QString name_;
  bool shown_ = false, waiting_ = false;
  QProgressBar* line_;
  Banner* banner_;
  EmptyState* empty_;
  QWidget* body_ = nullptr;
  QStackedLayout* stack_;
};

}  // namespace moescope
