// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/page_tabs.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QPushButton>
#include <QStackedWidget>

#include "views/icon_button.h"
#include "views/notice.h"
#include "views/pages/page.h"
#include "views/theme.h"

namespace moescope {

PageTabs::PageTabs(QWidget* parent) : QWidget(parent) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  auto* head = new QWidget;
  head->setProperty("role", "head");
  head->setAttribute(Qt::WA_StyledBackground);
  tabs_ = new QHBoxLayout(head);
  tabs_->setContentsMargins(14, 0, 8, 0);
  tabs_->setSpacing(0);
  tabs_->addStretch(1);
  auto* toggle = new IconButton(Glyph::sides, tr("Right side (Ctrl+Shift+B)"));
  connect(toggle, &QToolButton::clicked, this, &PageTabs::sideToggled);
  tabs_->addWidget(toggle);
  group_ = new QButtonGroup(this);
  layout->addWidget(head);
  banner_ = new Banner;
  auto* bannerRow = new QVBoxLayout;
  bannerRow->setContentsMargins(16, 0, 16, 0);
  bannerRow->addWidget(banner_);
  layout->addLayout(bannerRow);
  pages_ = new QStackedWidget;
  layout->addWidget(pages_, 1);
}

void PageTabs::add(Page* page) {
  pages_->addWidget(page);
  auto* tab = new QPushButton(page->name());
  tab->setProperty("kind", "tab");
  tab->setCheckable(true);
  tab->setFocusPolicy(Qt::TabFocus);
  tab->setEnabled(open_);
  // The chosen tab is semibold; its room is kept so that the others stay where they are.
  tab->setMinimumWidth(QFontMetrics(titleFont()).horizontalAdvance(page->name()) + 26);
  group_->addButton(tab, pages_->indexOf(page));
  // What comes late (a plugin's page) stands before Figures, where everything ends.
  tabs_->insertWidget(tabs_->count() - (welcome_ ? 3 : 2), tab);
  connect(tab, &QPushButton::clicked, this, [this, page] { Q_EMIT asked(page->name()); });
}

bool PageTabs::has(const QString& name) const {
  for (const QAbstractButton* tab : group_->buttons())
    if (tab->text() == name) return true;
  return false;
}

QStringList PageTabs::names() const {
  QStringList names;
  for (int at = 0; at < tabs_->count(); ++at)
    if (const auto* tab = qobject_cast<QPushButton*>(tabs_->itemAt(at)->widget())) names << tab->text();
  return names;
}

void PageTabs::setWelcome(QWidget* welcome) {
  welcome_ = true;
  pages_->addWidget(welcome);
  pages_->setCurrentWidget(welcome);
}

void PageTabs::open() {
  open_ = true;
  for (QAbstractButton* tab : group_->buttons()) tab->setEnabled(true);
}

bool PageTabs::show(const QString& name) {
  for (QAbstractButton* tab : group_->buttons()) {
    auto* page = qobject_cast<Page*>(pages_->widget(group_->id(tab)));
    if (page == nullptr || page->name() != name) continue;
    if (Page* before = this->page(); before != nullptr && before != page) before->leave();
    tab->setChecked(true);
    pages_->setCurrentWidget(page);
    page->enter();
    return true;
  }
  return false;
}

Page* PageTabs::page() const {
  return qobject_cast<Page*>(pages_->currentWidget());
}

}  // namespace moescope
