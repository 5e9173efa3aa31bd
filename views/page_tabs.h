// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

class QButtonGroup;
class QHBoxLayout;
class QStackedWidget;

namespace moescope {

class Banner;
class Page;

// The centre of the window: a row of tabs, a banner, and the page of the chosen tab; the welcome in their place until a
// study is open. GUI thread.
class PageTabs : public QWidget {
  Q_OBJECT
 public:
  explicit PageTabs(QWidget* parent = nullptr);
  void add(Page* page);  // one more tab; Figures stays the last
  bool has(const QString& name) const;
  QStringList names() const;          // in the order in which they stand
  void setWelcome(QWidget* welcome);  // shown until open()
  void open();                        // a study is there: tabs can be chosen
  // Leaves the page before and enters that one; false when none has the name.
  bool show(const QString& name);
  Page* page() const;  // null while the welcome is shown
  Banner& banner() { return *banner_; }

 Q_SIGNALS:
  void asked(const QString& page);  // by its tab
  void sideToggled();

 private:
  QHBoxLayout* tabs_;
  QButtonGroup* group_;
  Banner* banner_;
  QStackedWidget* pages_;
  bool open_ = false, welcome_ = false;
};

}  // namespace moescope
